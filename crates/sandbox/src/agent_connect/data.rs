//! Data Return: records after a cursor (apis.md P7 to P11).

use axum::Json;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{AgentConnect, Record};
use base::secret::ExposeSecret;

/// The cursor and the page size.
#[derive(Deserialize)]
pub struct DataQuery {
    #[serde(default)]
    after: u64,
    limit: Option<usize>,
    #[serde(default)]
    include_recovery: bool,
}

/// `GET /v2/data`: the records with a sequence id above the cursor, lowest first.
pub async fn data(
    State(agent_connect): State<AgentConnect>,
    Query(query): Query<DataQuery>,
    headers: HeaderMap,
) -> Result<Json<Vec<Value>>, StatusCode> {
    // A JWT that the client signs, without a scheme in the header; only its signature and `iat` count (apis.md P11).
    let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut rules = Validation::new(Algorithm::HS256);
    rules.validate_exp = false;
    rules.required_spec_claims.clear();
    let key = DecodingKey::from_secret(agent_connect.secret.expose_secret().as_bytes());
    let claims = jsonwebtoken::decode::<Value>(token, &key, &rules).map_err(|_| StatusCode::FORBIDDEN)?.claims;
    if !claims["iat"].is_number() {
        return Err(StatusCode::FORBIDDEN);
    }
    let log = agent_connect.log.lock();
    let mut found: Vec<_> = (log.records.iter())
        .filter(|record| record.sequence > query.after && (query.include_recovery || record.parent.is_none()))
        .collect();
    found.sort_by_key(|record| record.sequence);
    Ok(Json(found.into_iter().take(query.limit.unwrap_or(1000).min(1000)).map(record_json).collect()))
}

/// A record of Data Return (apis.md P8, P9).
fn record_json(record: &Record) -> Value {
    let body = &record.body;
    let status = if body["do_not_send"] == json!(true) { "Not sent: do not send flag" } else { "Delivered" };
    let answers = record.answered.map_or_else(|| json!({}), |(_, stars)| answers(stars));
    let custom_properties = body["custom_properties"].as_object().cloned().unwrap_or_default();
    json!({
        "uuid": record.uuid,
        "sequence_id": record.sequence,
        "parent_uuid": record.parent,
        "is_recovery": record.parent.is_some(),
        "branding": body["brand"],
        "channel": body["channel"],
        "ext_interaction_id": body["ext_interaction_id"],
        "external_url": body["external_url"],
        "language": body["language"],
        "survey_id": 1,
        "survey_name": "After your contact",
        "tags": body["tags"].as_array().cloned().unwrap_or_default(),
        "request_created_at": record.created,
        "request_delivery_status": status,
        "request_sent_at": record.created,
        "delivered_at": record.created,
        "requested_via": "API",
        "response_received_at": record.answered.map(|(at, _)| at),
        "reward_eligible": false,
        "reward_name": null,
        "marketing": {},
        "employee": {
            "custom_id": body["employee"]["custom_id"], "email": body["employee"]["email"],
            "first_name": null, "last_name": null,
        },
        "team_leader": {"custom_id": null, "full_name": null},
        "customer": {"custom_id": null, "email": body["customer"]["email"], "full_name": body["customer"]["name"]},
        "custom_properties": custom_properties,
        "answers": answers,
    })
}

fn answers(stars: u8) -> Value {
    let comment = match stars {
        4.. => "Everything was explained calmly. I would call again.",
        3 => "It took a while. The answer was right, though.",
        _ => "I had to explain everything twice. Nobody has called me back since.",
    };
    let option = |text: &str, value: u8| json!({"1": {"option_id": 1, "option_text": text, "integer_value": value}});
    json!({
        "agent_star_rating": {
            "question_id": 1, "question_text": "How was the person who helped you?", "comment": comment,
            "selected_options": option(&format!("{stars} stars"), stars),
        },
        "nps": {
            "question_id": 2, "question_text": "Would you recommend us?", "comment": null,
            "selected_options": option(&(stars * 2).to_string(), stars * 2),
        },
        "fcr": {"question_id": 3, "question_text": "Is it solved?", "comment": null, "selected_options": {}},
    })
}
