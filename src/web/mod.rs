//! HTTP and HTML live here and only here.
