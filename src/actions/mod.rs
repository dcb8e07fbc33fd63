//! What people make Callboard do in upstream systems. Only this module translates our types into upstream requests.

pub mod displays;
pub mod feedback;
mod outbox;
mod sessions;
pub mod sign_in;
pub mod supervise;
pub mod surveys;

pub use displays::Displays;
pub use feedback::{FeedbackActions, FeedbackError, FeedbackInput, FeedbackReceipt, FeedbackRules, FeedbackSignals};
use sessions::is_session_visible;
pub use sign_in::{SignIn, SignInError, SignIns};
pub use supervise::{ActingUser, ActionReceipt, SupervisorAction, SupervisorActions, SupervisorError};
pub use surveys::{NewRecovery, NewSurvey, SurveyError, Surveys};
