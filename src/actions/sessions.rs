//! Which sessions a viewer may name in an action.

use crate::domain::{Permission, SessionId};
use crate::gold::{Entity, Gold};
use crate::store::{Store, StoreError};

/// Whether `permission` shows a session: it is or was with a visible agent or in a visible queue. A viewer who sees
/// everything may also name a session that is not known yet.
///
/// # Errors
/// When the store cannot be read.
pub(super) async fn is_session_visible(
    store: &Store,
    gold: &Gold,
    session: SessionId,
    permission: &Permission,
) -> Result<bool, StoreError> {
    if permission.visibility().is_none() {
        return Ok(true);
    }
    if let Some(trace) = store.sessions().get(session).await? {
        return Ok(permission.sees_attributed_to(trace.agent, trace.queue, None));
    }
    let mut is_visible = false;
    gold.copy().for_each(|_, _, entity| {
        is_visible |= match &**entity {
            Entity::Agent(it) => it.sessions.contains_key(&session) && permission.sees_agent(it.id),
            Entity::Queue(it) => it.sessions.contains_key(&session) && permission.sees_queue(it.id),
            _ => false,
        };
    });
    Ok(is_visible)
}
