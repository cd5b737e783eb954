//! Functions shared by endpoints.
