//! What must survive: the inbox of events and the outbox of requests.
