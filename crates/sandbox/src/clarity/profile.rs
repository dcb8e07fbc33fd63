//! Info, profile and the structure of the house (`apis.md` C11 to C13).

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde_json::{Value, json};

use super::Clarity;
use super::gate::{Caller, Sees};
use crate::world::Team;

/// `GET /info`.
pub async fn info() -> Json<Value> {
    Json(json!({
        "connectVersion": "4.1.2.0",
        "apiVersions": [{"version": "1.0", "relativeUrl": "/v1.0"}, {"version": "2", "relativeUrl": "/v2"}],
        "signalRTransports": ["webSockets", "serverSentEvents", "longPolling"],
    }))
}

/// `GET /v2/profile`: numbers and booleans as text where the document prints them so (`apis.md` B60 to B62).
pub async fn profile(
    State(clarity): State<Clarity>,
    Extension(Caller(id)): Extension<Caller>,
) -> Result<Json<Value>, StatusCode> {
    clarity.floor.read(|world, _| {
        let agent = world.agents().get(&id).ok_or(StatusCode::NOT_FOUND)?;
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

/// `GET /v2/profile/mbu`: as much as the caller is shown. The last kind is printed as in the document (`apis.md` B82).
pub async fn mbu(
    State(clarity): State<Clarity>,
    Extension(Caller(caller)): Extension<Caller>,
) -> Result<Json<Value>, StatusCode> {
    clarity.floor.read(|world, _| {
        let own = world.agents().get(&caller).map(|agent| agent.team);
        let own_unit = own.and_then(|team| world.teams().get(&team)).map(|team| team.unit);
        let sees = clarity.gate.sees(caller);
        let shows = |team: &Team| match sees {
            Sees::Everything => true,
            Sees::Unit => Some(team.unit) == own_unit,
            Sees::Team => Some(team.id) == own,
            Sees::Nothing => false,
        };
        if sees == Sees::Nothing {
            return Err(StatusCode::NOT_FOUND);
        }
        let shown: BTreeMap<i64, &Team> =
            world.teams().values().filter(|team| shows(team)).map(|team| (team.id, team)).collect();
        let agents = || world.agents().values().filter(|agent| shown.contains_key(&agent.team));
        let queues = || world.queues().values().filter(|queue| queue.teams.iter().any(|team| shown.contains_key(team)));
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
                json!({"type": "Queue", "id": queue.id, "name": queue.name, "businessUnitId": queue.unit, "teamIds": ids(teams)})
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
        let groups: Vec<_> = (world.groups().values())
            .map(|group| {
                let teams = team_ids(&|team| team.groups.contains(&group.id));
                json!({"type": "Group", "id": group.id, "name": group.name, "teamIds": teams})
            })
            .collect();
        let units: Vec<_> = (world.units().values())
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
