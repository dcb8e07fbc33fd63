//! What people make us do to vendors. This is the only room where our words become theirs.

mod courier;
pub mod feedback;
mod sessions;
pub mod sign_in;
pub mod supervise;
pub mod surveys;

pub use feedback::{FeedbackDesk, FeedbackError, FeedbackRules, FeedbackWish, Overheard, Wished};
use sessions::session_is_seen;
pub use sign_in::{SignIn, SignInError, SignIns};
pub use supervise::{Actor, Deed, DeedError, Done, Supervision};
pub use surveys::{NewRecovery, NewSurvey, SurveyError, Surveys};
