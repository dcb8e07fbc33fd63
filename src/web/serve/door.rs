//! Who is in, and how many may still come.

use std::net::IpAddr;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Limits;
use super::headcount::{ConnectionLimit, Seat};
use base::Metrics;
use base::metrics::GaugeGuard;

pub(super) struct Door {
    pub(super) limits: Limits,
    pub(super) metrics: Metrics,
    places: Arc<Semaphore>,
    addresses: ConnectionLimit,
}

impl Door {
    pub(super) fn new(limits: Limits, metrics: Metrics) -> Arc<Self> {
        let places = Arc::new(Semaphore::new(limits.connections.min(Semaphore::MAX_PERMITS)));
        let addresses = ConnectionLimit::new(limits.per_address);
        Arc::new(Self { limits, metrics, places, addresses })
    }

    pub(super) fn admit(&self, address: IpAddr) -> Result<Place, &'static str> {
        let permit = Arc::clone(&self.places).try_acquire_owned().map_err(|_| "over_limit")?;
        let exempt = self.limits.loopback_is_exempt && address.to_canonical().is_loopback();
        let seat = if exempt { None } else { Some(self.addresses.enter(address).ok_or("over_address_limit")?) };
        Ok(Place { _seat: seat, _permit: permit, _open: self.metrics.connection_open() })
    }
}

/// One connection's place among those allowed. It is free again once this is dropped.
pub(super) struct Place {
    _seat: Option<Seat>,
    _permit: OwnedSemaphorePermit,
    _open: GaugeGuard,
}
