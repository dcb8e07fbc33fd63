//! What people make us do to upstreams. This is the only room where our words become theirs.

mod outbox;
pub mod feedback;
mod sessions;
pub mod sign_in;
pub mod supervise;
pub mod surveys;

pub use feedback::{FeedbackActions, FeedbackError, FeedbackRules, FeedbackInput, FeedbackSignals, FeedbackReceipt};
use sessions::session_is_seen;
pub use sign_in::{SignIn, SignInError, SignIns};
pub use supervise::{Actor, SupervisorAction, SupervisorError, Done, SupervisorActions};
pub use surveys::{NewRecovery, NewSurvey, SurveyError, Surveys};
