export default {
  "status": {
    "available": "Available",
    "inCall": "In call",
    "unavailable": "Unavailable",
    "unknown": "Unknown",
    "": "Unknown",
    "afterCall": "After-call work",
    "loggedOut": "Logged out",
    "offPhoneActivity": "Off-phone activity",
    "ringOnNoAnswer": "Not answered",
    "busy": "Busy",
    "beRightBack": "Be right back",
    "directCall": "Direct call",
    "inactive": "Inactive",
    "inImCall": "In chat",
    "directInboundDial": "Being called",
    "directOutboundDial": "Dialling out",
    "atLunch": "At lunch",
    "offWork": "Off work",
    "conferenceCall": "In conference",
    "ringing": "Ringing"
  },
  "activity": {
    "available": "Available",
    "ringing": "Ringing",
    "inContact": "In contact",
    "afterCall": "After-call work",
    "away": "Away",
    "loggedOut": "Logged out",
    "unknown": "Unknown",
    "": "Unknown"
  },
  "modality": {
    "audio": "Call",
    "instantMessage": "Chat",
    "message": "Message",
    "agnostic": "All kinds",
    "": "Contact"
  },
  "contact": {
    "new": "New",
    "queued": "Waiting",
    "offered": "Offered",
    "connecting": "Connecting",
    "active": "In conversation",
    "afterCall": "After-call work",
    "": "Unknown"
  },
  "source": {
    "clarity": "Clarity",
    "goodays": "Goodays",
    "agentConnect": "Agent Connect",
    "kustomer": "Kustomer",
    "store": "The disk"
  },
  "origin": {
    "manual": "manual",
    "": "manual",
    "session": "session ended",
    "conversation": "conversation closed",
    "external": "requested elsewhere"
  },
  "survey": {
    "queued": "Queued",
    "sent": "Sent, not confirmed yet",
    "accepted": "Accepted",
    "rejected": "Rejected",
    "failed": "Failed",
    "unknown": "Outcome unknown",
    "needsReview": "Needs review",
    "dryRun": "Dry run, not sent"
  },
  "action": {
    "reply": "Reply",
    "message": "Private message",
    "call": "Called the customer",
    "close": "Closed without an answer",
    "spam": "Reported as spam",
    "no-answer-needed": "No answer needed"
  },
  "actionState": {
    "queued": "Queued",
    "sent": "Sent, not confirmed yet",
    "accepted": "Done",
    "rejected": "Rejected",
    "failed": "Not sent",
    "unknown": "Outcome unknown"
  },
  "thread": {
    "open": "Open",
    "pending": "Pending",
    "closed": "Closed"
  },
  "rule": {
    "pinned": "Linked manually",
    "extra.session": "Linked by its session number",
    "extra.conversation": "Linked by its conversation",
    "customer.visit": "Probably this call",
    "place": "Linked by its place",
    "pending": "Waiting for its call",
    "unlinked": "Not linked",
    "": "Not linked"
  },
  "disk": {
    "live": "takes new events",
    "stale": "takes new events, backups fail",
    "down": "refuses new events",
    "": "not looked at yet"
  },
  "assumed": {
    "timeZone": "(time zone assumed)",
    "received": "(since it was received: no date was sent)"
  },
  "confidence": {
    "certain": "Certain",
    "medium": "Likely, not certain",
    "": ""
  },
  "transport": {
    "webSockets": "SignalR over WebSockets",
    "serverSentEvents": "SignalR over server-sent events",
    "longPolling": "SignalR by long polling",
    "polling": "Polling",
    "webhook": "Webhooks"
  },
  "specialQueue": {
    "0": "All queues",
    "9999": "Direct calls",
    "-2": "Direct outbound",
    "-1": "Direct inbound"
  },
  "promoter": {
    "promoter": "promoter",
    "passive": "passive",
    "detractor": "detractor"
  }
};
