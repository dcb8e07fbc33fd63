//! Info, profile and structure (apis.md C11 to C13).

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde_json::{Value, json};

use super::Clarity;
use crate::auth::{Caller, Visibility};
use crate::contact_center::Team;

/// `GET /info`.
pub async fn info() -> Json<Value> {
    Json(json!({
        "connectVersion": "4.1.2.0",
        "apiVersions": [{"version": "1.0", "relativeUrl": "/v1.0"}, {"version": "2", "relativeUrl": "/v2"}],
        "signalRTransports": ["webSockets", "serverSentEvents", "longPolling"],
    }))
}

/// `GET /v2/profile`. Numbers and booleans are text where the document prints them so (apis.md B60 to B62).
pub async fn profile(
    State(clarity): State<Clarity>,
    Extension(Caller(id)): Extension<Caller>,
) -> Result<Json<Value>, StatusCode> {
    clarity.simulation.read(|center, _| {
        let agent = center.agents().get(&id).ok_or(StatusCode::NOT_FOUND)?;
        Ok(Json(json!({
            "type": "agent",
            "id": agent.id,
            "teamId": agent.team,
            "name": format!("{} {}", agent.first, agent.last),
            "emailAddress": agent.email(),
            "localeKey": "en-us",
            "enabledModalities": ["audio", "instantMessage", "message"],
            "isDirectProxyEnabled": false,
            "isFederatedDeployment": false,
            "canMarkSelfAsSuspended": true,
            "useSilverlightAgentConsole": false,
            "hideRecordButton": false,
            "attendantSipUri": "sip:attendant@example.com",
            "domain": "example.com",
            "hideRecordingButton": false,
            "discoveryXFrameUrlOverride": "",
            "discoveryUserUrlOverride": "false",
            "agentGRUU": "1234-ABCD-5678-EFGH",
            "proxyDirectCalls": "false",
            "hiddenQueues": {"items": [{"queueId": "-1", "queueName": "Direct Inbound"}], "count": "1"},
        })))
    })
}

/// `GET /v2/profile/mbu`: the part of the structure that the caller may see. The document's typo `Business Unti` is
/// kept (apis.md B82).
pub async fn mbu(
    State(clarity): State<Clarity>,
    Extension(Caller(caller)): Extension<Caller>,
) -> Result<Json<Value>, StatusCode> {
    clarity.simulation.read(|center, _| {
        let own = center.agents().get(&caller).map(|agent| agent.team);
        let own_unit = own.and_then(|team| center.teams().get(&team)).map(|team| team.unit);
        let visibility = clarity.auth.visibility(caller);
        let shows = |team: &Team| match visibility {
            Visibility::All => true,
            Visibility::BusinessUnit => Some(team.unit) == own_unit,
            Visibility::Team => Some(team.id) == own,
            Visibility::Nothing => false,
        };
        if visibility == Visibility::Nothing {
            return Err(StatusCode::NOT_FOUND);
        }
        let shown: BTreeMap<i64, &Team> =
            center.teams().values().filter(|team| shows(team)).map(|team| (team.id, team)).collect();
        let agents = || center.agents().values().filter(|agent| shown.contains_key(&agent.team));
        let queues =
            || center.queues().values().filter(|queue| queue.teams.iter().any(|team| shown.contains_key(team)));
        let ids = |ids: Vec<i64>| json!(ids);
        let team_ids =
            |of: &dyn Fn(&Team) -> bool| ids(shown.values().filter(|team| of(team)).map(|team| team.id).collect());
        let agents_shown: Vec<_> = agents()
            .map(|agent| {
                json!({"type": "Agent", "id": agent.id, "name": agent.name(), "teamId": agent.team,
                    "canSilentJoin": true, "canWhisperJoin": false, "canRecord": true})
            })
            .collect();
        let queues_shown: Vec<_> = queues()
            .map(|queue| {
                let teams = queue.teams.iter().copied().filter(|team| shown.contains_key(team)).collect();
                json!({"type": "Queue", "id": queue.id, "name": queue.name, "businessUnitId": queue.unit,
                    "teamIds": ids(teams)})
            })
            .collect();
        let teams: Vec<_> = shown
            .values()
            .map(|team| {
                let members = agents().filter(|agent| agent.team == team.id).map(|agent| agent.id).collect();
                let serves = queues().filter(|queue| queue.teams.contains(&team.id)).map(|queue| queue.id).collect();
                json!({"type": "Team", "id": team.id, "name": team.name, "businessUnitId": team.unit,
                    "groupIds": team.groups, "agentIds": ids(members), "queueIds": ids(serves)})
            })
            .collect();
        let groups: Vec<_> = (center.groups().values())
            .map(|group| {
                let teams = team_ids(&|team| team.groups.contains(&group.id));
                json!({"type": "Group", "id": group.id, "name": group.name, "teamIds": teams})
            })
            .collect();
        let units: Vec<_> = (center.units().values())
            .map(|unit| {
                let queues = queues().filter(|queue| queue.unit == unit.id).map(|queue| queue.id).collect();
                json!({"type": "Business Unti", "id": unit.id, "name": unit.name,
                    "teamIds": team_ids(&|team| team.unit == unit.id), "queueIds": ids(queues)})
            })
            .collect();
        Ok(Json(json!({
            "agents": agents_shown, "queues": queues_shown, "teams": teams, "groups": groups, "businessUnits": units
        })))
    })
}
