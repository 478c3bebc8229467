//! Somebody wants a position: how the SET is called, and all that can come of it. [`orders`] gives orders to the sessions
//! themselves; the others ask the location service of a whole server, which calls handsets by UDP.

mod consent;
mod endings;
mod faults;
mod located;
mod mlp;
mod orders;
mod town;
