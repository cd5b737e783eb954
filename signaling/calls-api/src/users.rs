//! Users as the store has them, those last asked for in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use calls::{Role, UserId};
use store::tables::{CallUser, call_user};
use store::{Store, StoreError};

/// Users in memory, those included that are known not to be there; beyond, all are forgotten and read again.
const USERS_MAX: usize = 20_000;

/// Reads and writes users.
#[derive(Debug)]
pub(crate) struct Users {
    store: Store,
    known: Mutex<BTreeMap<UserId, Option<Arc<CallUser>>>>,
}

impl Users {
    pub(crate) fn new(store: Store) -> Self {
        Self { store, known: Mutex::default() }
    }

    /// The user with an id, if it was ever told of.
    pub(crate) async fn find(&self, id: &UserId) -> Result<Option<Arc<CallUser>>, StoreError> {
        if let Some(known) = self.known().get(id) {
            return Ok(known.clone());
        }
        let found = call_user::by_id(&self.store, id.as_str()).await?.map(Arc::new);
        self.note(id.clone(), found.clone());
        Ok(found)
    }

    /// Keeps users.
    pub(crate) async fn put(&self, users: Vec<(UserId, CallUser)>) -> Result<(), StoreError> {
        self.store.commit(users.iter().map(|(_, user)| user.put()).collect()).await?;
        for (id, user) in users {
            self.note(id, Some(Arc::new(user)));
        }
        Ok(())
    }

    /// What a user is where neither token nor call say otherwise.
    pub(crate) async fn role(&self, id: &UserId) -> Result<Role, StoreError> {
        let user = self.find(id).await?;
        Ok(user.and_then(|user| Role::new(&user.role).ok()).unwrap_or_else(Role::user))
    }

    fn note(&self, id: UserId, user: Option<Arc<CallUser>>) {
        let mut known = self.known();
        if known.len() >= USERS_MAX {
            known.clear();
        }
        known.insert(id, user);
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<UserId, Option<Arc<CallUser>>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
