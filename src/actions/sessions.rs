//! Which sessions somebody may name when they change something.

use crate::domain::{Permission, SessionId};
use crate::gold::{Entity, Gold};
use crate::store::{Store, StoreError};

/// Whether somebody may see this session: it is with an agent or in a queue of theirs, or was. For those who see everything
/// a session that nobody has told of yet is one that may still come.
///
/// # Errors
/// When the store cannot be read.
pub(super) async fn session_is_seen(
    store: &Store,
    gold: &Gold,
    session: SessionId,
    permission: &Permission,
) -> Result<bool, StoreError> {
    if permission.visibility().is_none() {
        return Ok(true);
    }
    if let Some(trace) = store.session(session).await? {
        return Ok(permission.sees_attributed_to(trace.agent, trace.queue, None));
    }
    let mut is_seen = false;
    gold.copy().for_each(|_, _, entity| {
        is_seen |= match &**entity {
            Entity::Agent(it) => it.sessions.contains_key(&session) && permission.sees_agent(it.id),
            Entity::Queue(it) => it.sessions.contains_key(&session) && permission.sees_queue(it.id),
            _ => false,
        };
    });
    Ok(is_seen)
}
