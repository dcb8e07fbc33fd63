//! Agent Connect (Medallia): survey requests.
