//! Opens what outlives the rooms.

use std::sync::Arc;

use store::{OpenError, Place, Store};

use crate::StartError;

/// Opens the store where the configuration puts it.
///
/// # Errors
/// It cannot be opened; the text names the key to change.
pub(crate) async fn open(place: &Place, tls: Option<Arc<rustls::ClientConfig>>) -> Result<Store, StartError> {
    let store = Store::open(place.clone(), tls).await.map_err(|source| StartError::Store { source })?;
    tracing::info!(?place, "store");
    Ok(store)
}

/// What to do about a store that does not open.
pub(crate) fn advice(error: &OpenError) -> &'static str {
    match error {
        OpenError::IoFile { .. } => "name a folder that may be written with store.path",
        OpenError::ConfigInUse(_) => "stop it, or name another with store.path or store.url",
        OpenError::ConfigUrl(_) | OpenError::IoDatabase(_) => "see store.path and store.url",
        _ => "see store.path",
    }
}
