//! Kustomer: where conversations are closed.
