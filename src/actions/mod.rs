//! What people make us do to vendors. This is the only room where our words become theirs.

pub mod surveys;

pub use surveys::{NewSurvey, SurveyError, Surveys};
