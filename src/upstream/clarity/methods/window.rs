//! From when to when, and how many: for transcripts and histories, which take the same combinations.

use jiff::Timestamp;
use percent_encoding::utf8_percent_encode;

use super::Error;
use crate::upstream::clarity::client::RESERVED;

/// Which part of something long. Nothing set: all of it, as far as Clarity goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Window {
    /// From here on.
    pub start: Option<Timestamp>,
    /// Up to here.
    pub end: Option<Timestamp>,
    /// So many: from the start on, or back from the end. Not without either, and not with both (apis.md C17, C20).
    pub limit: Option<u32>,
}

impl Window {
    /// The query, with this method's names for the three; or the reason why Clarity would refuse it.
    pub(super) fn query(&self, call: &'static str, names: [&str; 3]) -> Result<String, Error> {
        let refuse = |reason| Err(Error::NotSent { call, reason });
        match (self.start, self.end, self.limit) {
            (Some(_), Some(_), Some(_)) => {
                return refuse("Clarity takes start and end without a limit, or one of them with it");
            }
            (None, None, Some(_)) => return refuse("Clarity takes a limit only beside a start or an end"),
            (Some(start), Some(end), None) if end < start => return refuse("the end lies before the start"),
            _ => {}
        }
        // The document's samples have blanks and no zeros; what is sent is unambiguous (apis.md B34).
        let time = |time: Timestamp| utf8_percent_encode(&time.to_string(), RESERVED).to_string();
        let values = [self.start.map(time), self.end.map(time), self.limit.map(|limit| limit.to_string())];
        let pairs = names.iter().zip(values).filter_map(|(name, value)| Some(format!("{name}={}", value?)));
        Ok(pairs.collect::<Vec<_>>().join("&"))
    }
}
