//! What is written onto a contact: extra items, notes, dispositions (apis.md C21 to C23).
//!
//! Documented as `GET` with a body: the site's configuration says which verb is sent (apis.md B27).

use serde::Serialize;
use serde_json::json;

use crate::upstream::clarity::{Clarity, Error};

/// A value for one extra item, which goes by its id or by its name.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExtraItemValue {
    /// Which. Ids below one have been seen and name nothing (apis.md B54).
    #[serde(rename = "extraItemId", skip_serializing_if = "Option::is_none")]
    pub id: Option<i64>,
    /// Which, by name.
    #[serde(rename = "extraItemName", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it shall say. Personal.
    #[serde(rename = "extraItemValue")]
    pub value: String,
}

/// How a contact is disposed of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DispositionChoice {
    /// Which.
    pub disposition_id: i64,
    /// Which in detail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub_disposition_id: Option<i64>,
}

impl Clarity {
    /// Sets one extra item (apis.md C21). The document spells the path in two ways: where there is nothing under the
    /// plural, the singular is tried, once (B26).
    ///
    /// # Errors
    /// See [`Error`]. An item that is not named is not sent.
    pub async fn set_extra_item(&self, session: i64, item: ExtraItemValue) -> Result<(), Error> {
        const CALL: &str = "an extra item";
        let id = item.id.filter(|id| *id > 0);
        let name = item.name.filter(|name| !name.trim().is_empty());
        if id.is_none() && name.is_none() {
            return Err(Error::NotSent { call: CALL, reason: "it needs a name, or an id above zero" });
        }
        let item = ExtraItemValue { id, name, value: item.value };
        match self.write(CALL, &format!("/v2/sessions/{session}/setextraitems"), &item).await {
            Err(Error::Status { status: 404, .. }) => {
                self.write(CALL, &format!("/v2/sessions/{session}/setextraitem"), &item).await
            }
            outcome => outcome,
        }
    }

    /// Replaces the note (apis.md C22). An empty text empties it.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn set_call_note(&self, session: i64, note: &str) -> Result<(), Error> {
        self.write("the call note", &format!("/v2/sessions/{session}/setcallnotes"), &json!({ "note": note })).await
    }

    /// Sets the disposition (apis.md C23).
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn set_disposition(&self, session: i64, choice: DispositionChoice) -> Result<(), Error> {
        self.write("the disposition", &format!("/v2/sessions/{session}/setdispositions"), &choice).await
    }
}

/// Without the value: it is about a customer.
impl std::fmt::Debug for ExtraItemValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExtraItemValue").field("id", &self.id).field("name", &self.name).finish_non_exhaustive()
    }
}
