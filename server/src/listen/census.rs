//! How many connections of a kind each source holds.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quota::home;

use crate::config::Cidr;

/// Connections closed since the start because their source held enough. There is one server, and so one count.
static REFUSED: AtomicU64 = AtomicU64::new(0);

/// How many connections were closed because their source held enough.
pub(crate) fn refused() -> u64 {
    REFUSED.load(Ordering::Relaxed)
}

/// See the module. It never has more entries than there are connections.
pub(crate) struct Census {
    per_source_max: u32,
    /// Behind them are many sources.
    proxies: Vec<Cidr>,
    here: Mutex<HashMap<IpAddr, u32>>,
}

/// A connection's place, until it is dropped.
pub(crate) struct Place {
    census: Arc<Census>,
    /// None behind a proxy.
    source: Option<IpAddr>,
}

impl Census {
    /// Nobody is there. What comes from `proxies` is not counted.
    pub(crate) fn new(per_source_max: u32, proxies: &[Cidr]) -> Arc<Self> {
        Arc::new(Self { per_source_max, proxies: proxies.to_vec(), here: Mutex::default() })
    }

    /// A place for a connection from `remote`; `None` when its source holds enough.
    pub(crate) fn admit(self: &Arc<Self>, remote: IpAddr) -> Option<Place> {
        let source = (!self.is_proxy(remote.to_canonical())).then(|| home(remote));
        if source.is_some_and(|source| !self.count(source)) {
            REFUSED.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(%remote, "too many connections of one address");
            return None;
        }
        Some(Place { census: Arc::clone(self), source })
    }

    fn is_proxy(&self, remote: IpAddr) -> bool {
        self.proxies.iter().any(|proxy| proxy.contains(remote))
    }

    /// Counts one more, if it may be.
    fn count(&self, source: IpAddr) -> bool {
        let mut here = self.here();
        let count = here.entry(source).or_default();
        let fits = *count < self.per_source_max;
        *count += u32::from(fits);
        fits
    }

    /// No code that can panic leaves it half changed, so a poisoned lock is sound.
    fn here(&self) -> MutexGuard<'_, HashMap<IpAddr, u32>> {
        self.here.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(source) = self.source else { return };
        let mut here = self.census.here();
        if let Some(count) = here.get_mut(&source) {
            *count -= 1;
            if *count == 0 {
                here.remove(&source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_holds_so_many_and_proxies_any_number() {
        let proxies = ["10.0.0.0/8", "2001:db8::5/128"].map(|it| Cidr::parse(it).unwrap());
        let census = Census::new(2, &proxies);
        let admit = |ip: &str| census.admit(ip.parse().unwrap());
        let before = refused();
        let (one, two) = (admit("192.0.2.1").unwrap(), admit("192.0.2.1").unwrap());
        assert!(admit("192.0.2.1").is_none() && admit("::ffff:192.0.2.1").is_none());
        assert!(refused() >= before + 2);
        let neighbours = (admit("2001:db8::1"), admit("2001:db8::2"), admit("2001:db8::3"));
        assert!(neighbours.0.is_some() && neighbours.1.is_some() && neighbours.2.is_none());
        let proxied: Vec<_> =
            (0..9).flat_map(|_| [admit("10.1.2.3").unwrap(), admit("2001:db8::5").unwrap()]).collect();
        drop(one);
        let three = admit("192.0.2.1").unwrap();
        drop((two, three, neighbours, proxied));
        assert!(census.here().is_empty());
    }
}
