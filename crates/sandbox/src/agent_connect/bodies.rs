//! Request bodies, which allow no other fields, and employees. Some employees have no profile.

use serde::Deserialize;

/// The body of a request. Unknown fields are an error (apis.md B177).
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "these fields only validate the body; the record keeps the original")]
pub struct RequestBody {
    pub customer: Option<Customer>,
    pub employee: Employee,
    channel: String,
    ext_interaction_id: Option<String>,
    external_url: Option<String>,
    pub tags: Option<Vec<String>>,
    brand: Option<String>,
    language: Option<String>,
    country: Option<String>,
    pub do_not_send: Option<bool>,
    custom_properties: Option<std::collections::BTreeMap<String, String>>,
}

/// The body of a recovery (apis.md P4).
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "as above")]
pub struct RecoveryBody {
    pub initial_feedback_request_id: String,
    pub employee: Employee,
    ext_interaction_id: Option<String>,
    external_url: Option<String>,
    tags: Option<Vec<String>>,
    do_not_send: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "as above")]
pub struct Customer {
    name: Option<String>,
    pub email: Option<String>,
    custom_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Employee {
    email: Option<String>,
    custom_id: Option<String>,
}

impl Employee {
    /// One employee in twenty has no complete profile, always the same ones (apis.md P5).
    pub fn check(&self) -> Result<(), String> {
        let name = self.email.as_deref().or(self.custom_id.as_deref()).filter(|name| !name.trim().is_empty());
        let name = name.ok_or("Employee email or custom_id is required")?;
        let number = name.bytes().fold(7_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
        match number % 40 {
            0 => Err("Employee not found".to_owned()),
            1 => Err("Employee profile not complete".to_owned()),
            _ => Ok(()),
        }
    }
}
