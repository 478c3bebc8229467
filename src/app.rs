//! The composition root: builds the rooms from a configuration, runs them, reloads and stops them.
