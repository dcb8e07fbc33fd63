//! Which records belong together, and why: responses with sessions, survey results with requests, calls with
//! conversations.
//!
//! Pure functions of the records and the site's tables: running them again gives the same result (apis.md J52). Nothing
//! is guessed: the highest rule that yields exactly one candidate decides, and lower rules may only confirm or
//! contradict it. Where no rule yields exactly one, a response stays attributed by its place, or unattributed, and
//! viewers see the candidates (apis.md J50, J51, J53).

mod attribution;
pub mod call_conversation_match;
mod candidates;
mod known_session;
mod match_key;
mod response_match;
mod rules;
mod session_lookup;
pub mod survey_match;
#[cfg(test)]
mod tests;
mod visit;

pub use attribution::{Attribution, Candidate, Confidence, MatchRule};
pub use known_session::KnownSession;
pub use match_key::MatchKey;
pub use response_match::attribute;
pub use rules::{MatchRules, PlaceRule};
pub use session_lookup::SessionLookup;
pub use visit::{Visit, VisitRules};
