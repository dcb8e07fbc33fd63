//! The truth in memory.
