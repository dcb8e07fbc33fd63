//! Notes, dispositions and extra items of contacts.

use std::collections::BTreeMap;

/// A disposition: id, name and its sub-dispositions.
pub type Disposition = (i64, &'static str, &'static [(i64, &'static str)]);

/// All dispositions.
pub const DISPOSITIONS: [Disposition; 3] = [
    (1, "Orders", &[(1, "New order"), (2, "Change of an order")]),
    (2, "Returns", &[(3, "Damaged"), (4, "Changed their mind")]),
    (4, "Accounts", &[(8, "Password change")]),
];

/// What agents and supervisors wrote about a contact.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Annotations {
    /// The note.
    pub note: Option<String>,
    /// The ids of the disposition and the sub-disposition.
    pub disposition: Option<(i64, Option<i64>)>,
    /// Extra items by name.
    pub extra_items: BTreeMap<String, String>,
}
