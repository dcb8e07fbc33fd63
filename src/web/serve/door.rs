//! Who is in, and how many may still come.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Limits;
use crate::base::Metrics;
use crate::base::metrics::Present;

/// Who is in, and how many may still come.
pub(super) struct Door {
    pub(super) limits: Limits,
    pub(super) metrics: Metrics,
    places: Arc<Semaphore>,
    addresses: Mutex<HashMap<IpAddr, usize>>,
}

impl Door {
    pub(super) fn new(limits: Limits, metrics: Metrics) -> Arc<Self> {
        let places = Arc::new(Semaphore::new(limits.connections.min(Semaphore::MAX_PERMITS)));
        Arc::new(Self { limits, metrics, places, addresses: Mutex::default() })
    }

    pub(super) fn admit(self: &Arc<Self>, address: IpAddr) -> Result<Place, &'static str> {
        let permit = Arc::clone(&self.places).try_acquire_owned().map_err(|_| "over_limit")?;
        let network = network_of(address);
        let exempt = self.limits.loopback_is_exempt && network.is_loopback();
        let counted = if exempt {
            None
        } else {
            let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
            let held = addresses.entry(network).or_default();
            if *held >= self.limits.per_address {
                return Err("over_address_limit");
            }
            *held += 1;
            Some(network)
        };
        Ok(Place { door: Arc::clone(self), counted, _permit: permit, _open: self.metrics.connection_open() })
    }
}

/// An address as far as its owner cannot choose it.
pub(crate) fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) if !v6.is_loopback() => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        other => other,
    }
}

/// One connection's place among those allowed. It is free again once this is dropped.
pub(super) struct Place {
    door: Arc<Door>,
    counted: Option<IpAddr>,
    _permit: OwnedSemaphorePermit,
    _open: Present,
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(network) = self.counted else { return };
        let mut addresses = self.door.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = addresses.get_mut(&network) {
            *held -= 1;
            if *held == 0 {
                addresses.remove(&network);
            }
        }
    }
}
