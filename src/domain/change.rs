//! What an update says about one part of something.

/// In a partial update, absent, `null` and a value are three different things.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Change<T> {
    /// The update does not mention the part: it stays as it was. In a full answer this means that there is none.
    #[default]
    Keep,
    /// The update says that there is none any more.
    Clear,
    /// The update says what it is now.
    Set(T),
}

impl<T> Change<T> {
    /// The part after this update.
    #[must_use]
    pub fn or(self, known: Option<T>) -> Option<T> {
        match self {
            Self::Keep => known,
            Self::Clear => None,
            Self::Set(value) => Some(value),
        }
    }

    /// The part by this message alone, as a full answer means it.
    #[must_use]
    pub fn value(self) -> Option<T> {
        self.or(None)
    }

    /// The same about another value.
    #[must_use]
    pub fn map<U>(self, other: impl FnOnce(T) -> U) -> Change<U> {
        match self {
            Self::Keep => Change::Keep,
            Self::Clear => Change::Clear,
            Self::Set(value) => Change::Set(other(value)),
        }
    }

    /// The same without a copy.
    #[must_use]
    pub fn as_ref(&self) -> Change<&T> {
        match self {
            Self::Keep => Change::Keep,
            Self::Clear => Change::Clear,
            Self::Set(value) => Change::Set(value),
        }
    }

    /// Whether the update says anything about the part.
    #[must_use]
    pub fn is_something(&self) -> bool {
        !matches!(self, Self::Keep)
    }
}

/// A value sets the part; no value leaves it alone.
impl<T> From<Option<T>> for Change<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Keep, Self::Set)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn change_of_a_part_keeps_clears_or_sets_it() {
        for (change, after, alone) in
            [(Change::Keep, Some(1), None), (Change::Clear, None, None), (Change::Set(2), Some(2), Some(2))]
        {
            assert_eq!((change.or(Some(1)), change.value()), (after, alone), "{change:?}");
        }
    }
}
