//! What an update says about one field.

use std::collections::BTreeMap;
use std::sync::Arc;

/// Fields that have no type of ours yet, under the upstream's own names: kept and shown. In an update a null removes
/// one.
pub type Unclassified = BTreeMap<Arc<str>, serde_json::Value>;

/// One field of an update. Absent, `null` and a value are three different things.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Change<T> {
    /// Not mentioned: the field keeps its value. In a snapshot it means that there is none.
    #[default]
    Keep,
    /// Sent as `null`: there is no value any more.
    Clear,
    /// The new value.
    Set(T),
}

impl<T> Change<T> {
    /// The field after an update of `known`.
    #[must_use]
    pub fn or(self, known: Option<T>) -> Option<T> {
        match self {
            Self::Keep => known,
            Self::Clear => None,
            Self::Set(value) => Some(value),
        }
    }

    /// The field after a snapshot, which does not depend on what was known.
    #[must_use]
    pub fn value(self) -> Option<T> {
        self.or(None)
    }

    /// Converts the value, if one is set.
    #[must_use]
    pub fn map<U>(self, convert: impl FnOnce(T) -> U) -> Change<U> {
        match self {
            Self::Keep => Change::Keep,
            Self::Clear => Change::Clear,
            Self::Set(value) => Change::Set(convert(value)),
        }
    }

    /// The same by reference.
    #[must_use]
    pub fn as_ref(&self) -> Change<&T> {
        match self {
            Self::Keep => Change::Keep,
            Self::Clear => Change::Clear,
            Self::Set(value) => Change::Set(value),
        }
    }

    /// Whether the update mentions the field.
    #[must_use]
    pub fn is_something(&self) -> bool {
        !matches!(self, Self::Keep)
    }
}

/// A value sets the field, `None` keeps it.
impl<T> From<Option<T>> for Change<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Keep, Self::Set)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn change_of_a_field_keeps_clears_or_sets_it() {
        for (change, after, alone) in
            [(Change::Keep, Some(1), None), (Change::Clear, None, None), (Change::Set(2), Some(2), Some(2))]
        {
            assert_eq!((change.or(Some(1)), change.value()), (after, alone), "{change:?}");
        }
    }
}
