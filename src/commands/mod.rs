//! Builds the world, prints sentences, chooses exit codes.
