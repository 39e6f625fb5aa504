//! HTTP: a request's way through the process.
