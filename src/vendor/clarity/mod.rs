//! Clarity Connect: sign-in, REST, subscriptions.
