//! Goodays: what customers say. Signed webhooks in, actions out.
