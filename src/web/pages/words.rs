//! Our documents' names in words for people. `static/labels.js` has the same tables; `tests/fixtures/formats.json`
//! holds the two together. A name without a word is shown as it came.

/// An agent's status.
#[must_use]
pub fn status(name: &str) -> &str {
    match name {
        "available" => "Available",
        "inCall" => "In call",
        "unavailable" => "Unavailable",
        "unknown" | "" => "Unknown",
        "afterCall" => "After-call work",
        "loggedOut" => "Logged out",
        "offPhoneActivity" => "Off-phone activity",
        "ringOnNoAnswer" => "Not answered",
        "busy" => "Busy",
        "beRightBack" => "Be right back",
        "directCall" => "Direct call",
        "inactive" => "Inactive",
        "inImCall" => "In chat",
        "directInboundDial" => "Being called",
        "directOutboundDial" => "Dialling out",
        "atLunch" => "At lunch",
        "offWork" => "Off work",
        "conferenceCall" => "In conference",
        "ringing" => "Ringing",
        other => other,
    }
}

/// The seven activities, in the order in which a supervisor looks for them.
pub const ACTIVITIES: [&str; 7] = ["available", "ringing", "inContact", "afterCall", "away", "unknown", "loggedOut"];

/// One of the seven activities.
#[must_use]
pub fn activity(name: &str) -> &str {
    match name {
        "available" => "Available",
        "ringing" => "Ringing",
        "inContact" => "In contact",
        "afterCall" => "After-call work",
        "away" => "Away",
        "loggedOut" => "Logged out",
        "unknown" | "" => "Unknown",
        other => other,
    }
}

/// Where a contact stands.
#[must_use]
pub fn contact(name: &str) -> &str {
    match name {
        "new" => "New",
        "queued" => "Waiting",
        "offered" => "Offered",
        "connecting" => "Connecting",
        "active" => "In conversation",
        "afterCall" => "After-call work",
        "" => "Unknown",
        other => other,
    }
}

/// A kind of contact.
#[must_use]
pub fn modality(name: &str) -> &str {
    match name {
        "audio" => "Call",
        "instantMessage" => "Chat",
        "message" => "Message",
        "agnostic" => "All kinds",
        "" => "Contact",
        other => other,
    }
}

/// The four numbers that stand for no queue of the site (`apis.md` C57).
#[must_use]
pub fn special_queue(id: i64) -> Option<&'static str> {
    crate::domain::QueueId(id).special_name()
}

/// One of the four systems.
#[must_use]
pub fn source(name: &str) -> &str {
    match name {
        "clarity" => "Clarity",
        "goodays" => "Goodays",
        "agentConnect" => "Agent Connect",
        "kustomer" => "Kustomer",
        "store" => "The disk",
        other => other,
    }
}

/// How our own disk is.
#[must_use]
pub fn disk(state: &str) -> &str {
    match state {
        "live" => "takes new events",
        "stale" => "takes new events, backups fail",
        "down" => "refuses new events",
        _ => "not looked at yet",
    }
}

/// Where a survey request stands.
#[must_use]
pub fn survey(name: &str) -> &str {
    match name {
        "queued" => "Queued",
        "sent" => "Sent, not confirmed yet",
        "accepted" => "Accepted",
        "rejected" => "Rejected",
        "failed" => "Failed",
        "unknown" => "Outcome unknown",
        "needsReview" => "Needs review",
        "dryRun" => "Dry run, not sent",
        other => other,
    }
}

/// What caused a survey request.
#[must_use]
pub fn origin(name: &str) -> &str {
    match name {
        "manual" | "" => "manual",
        "session" => "session ended",
        "conversation" => "conversation closed",
        "external" => "requested elsewhere",
        other => other,
    }
}

/// Something that a colleague does about a response.
#[must_use]
pub fn action(name: &str) -> &str {
    match name {
        "reply" => "Reply",
        "message" => "Private message",
        "call" => "Called the customer",
        "close" => "Closed without an answer",
        "spam" => "Reported as spam",
        "no-answer-needed" => "No answer needed",
        other => other,
    }
}

/// The state of an action.
#[must_use]
pub fn action_state(name: &str) -> &str {
    match name {
        "queued" => "Queued",
        "sent" => "Sent, not confirmed yet",
        "accepted" => "Done",
        "rejected" => "Rejected",
        "failed" => "Not sent",
        "unknown" => "Outcome unknown",
        other => other,
    }
}

/// Where a conversation stands.
#[must_use]
pub fn thread(name: &str) -> &str {
    match name {
        "open" => "Open",
        "pending" => "Pending",
        "closed" => "Closed",
        other => other,
    }
}

/// What had to be assumed about a date.
#[must_use]
pub fn assumed(name: &str) -> &str {
    match name {
        "timeZone" => "(time zone assumed)",
        "received" => "(since it was received: no date was sent)",
        other => other,
    }
}

/// By which rule a response was joined.
#[must_use]
pub fn rule(name: &str) -> &str {
    match name {
        "pinned" => "Linked manually",
        "extra.session" => "Linked by its session number",
        "extra.conversation" => "Linked by its conversation",
        "customer.visit" => "Probably this call",
        "place" => "Linked by its place",
        "pending" => "Waiting for its call",
        "unlinked" | "" => "Not linked",
        other => other,
    }
}

/// How sure a link is.
#[must_use]
pub fn confidence(name: &str) -> &str {
    match name {
        "certain" => "Certain",
        "medium" => "Likely, not certain",
        other => other,
    }
}

/// What an answer of 0 to 10 makes of a customer.
#[must_use]
pub fn promoter(score: u8) -> &'static str {
    match score {
        9.. => "promoter",
        7 | 8 => "passive",
        _ => "detractor",
    }
}

/// How a source is heard.
#[must_use]
pub fn transport(name: &str) -> &str {
    match name {
        "webSockets" => "SignalR over WebSockets",
        "serverSentEvents" => "SignalR over server-sent events",
        "longPolling" => "SignalR by long polling",
        "polling" => "Polling",
        "webhook" => "Webhooks",
        other => other,
    }
}
