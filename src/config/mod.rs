//! One TOML file, then the environment, then secret files.
