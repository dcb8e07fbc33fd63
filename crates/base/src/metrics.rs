//! What is counted, for Prometheus and the like.
//!
//! It lives down here so that every room can report without knowing who asks. The names are a promise to users. Labels are
//! texts that the program itself contains: no name, number or word of an agent or a customer can become one.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::{Clock, json};

/// What [`Metrics::render`] writes.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// From half a millisecond to five seconds: how long a change may take from its arrival to a viewer's socket.
const PATCH_SECONDS: [f64; 13] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

type Plain = [(&'static str, &'static str); 0];
type One = [(&'static str, &'static str); 1];
type Two = [(&'static str, &'static str); 2];
type Ratio = Gauge<f64, AtomicU64>;

/// The handle that everybody who has something to report holds. Cheap to clone.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    clock: Clock,
    registry: Registry,
    heard: Mutex<BTreeMap<&'static str, Timestamp>>,
    source_up: Family<One, Gauge>,
    source_age: Family<One, Ratio>,
    source_clock_offset: Family<One, Ratio>,
    source_events: Family<One, Counter>,
    source_resyncs: Family<Two, Counter>,
    source_counts: Family<Two, Counter>,
    agents_not_permitted: Gauge,
    viewers: Family<One, Gauge>,
    patch_seconds: Histogram,
    patch_bytes: Counter,
    viewer_coalesced: Counter,
    client_resync: Family<One, Counter>,
    webhooks: Family<Two, Counter>,
    webhook_unreadable: Family<One, Counter>,
    webhook_unknown_type: Family<One, Counter>,
    feedback_open: Family<One, Gauge>,
    survey_requests: Family<Two, Counter>,
    survey_error_ratio: Ratio,
    alerts_firing: Family<One, Gauge>,
    actions: Family<Two, Counter>,
    refusals: Family<One, Counter>,
    store_bytes: Gauge,
    /// Absent for as long as there is no copy.
    backup_age: Family<Plain, Ratio>,
    unknown_tokens: Family<One, Counter>,
    open_connections: Gauge,
    connections: Family<One, Counter>,
}

impl Metrics {
    /// Nothing counted yet. The clock tells how long a source has been silent.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        let mut registry = Registry::with_prefix("callboard");
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The program that runs", build);
        let mut promise = Promise(&mut registry);
        Self(Arc::new(Inner {
            clock,
            heard: Mutex::default(),
            source_up: promise.keep("source_up", "Whether a source can be heard: 1 yes, 0 no"),
            source_age: promise.keep("source_age_seconds", "Time since a source last told us anything"),
            source_clock_offset: promise
                .keep("source_clock_offset_seconds", "How far a source's clock is ahead of ours; negative: behind"),
            source_events: promise.keep("source_events", "What a source has told us"),
            source_resyncs: promise.keep("source_resyncs", "How often a source was read afresh"),
            source_counts: promise.keep("source_counts", "What the status page counts of a source, by name"),
            agents_not_permitted: promise
                .keep("agents_not_permitted", "Agents whom Clarity refuses to show to the account (401)"),
            viewers: promise.keep("viewers", "Open live connections"),
            patch_seconds: {
                let histogram = Histogram::new(PATCH_SECONDS);
                promise.0.register("patch_seconds", "From a change's arrival to a viewer's socket", histogram.clone());
                histogram
            },
            patch_bytes: promise.keep("patch_bytes", "Bytes of patches written to viewers"),
            viewer_coalesced: promise
                .keep("viewer_coalesced", "Versions that a slow viewer got as part of a later one"),
            client_resync: promise.keep("client_resync", "Viewers that needed the whole document again"),
            webhooks: promise.keep("webhooks", "Webhooks received"),
            webhook_unreadable: promise.keep("webhook_unreadable", "Signed webhooks that could not be read"),
            webhook_unknown_type: promise.keep("webhook_unknown_type", "Signed webhooks of a type that is not known"),
            feedback_open: promise.keep("feedback_open", "Responses that wait for an answer"),
            survey_requests: promise.keep("survey_requests", "Requests to survey a customer"),
            survey_error_ratio: promise.keep("survey_error_ratio", "Share of recent survey requests that went wrong"),
            alerts_firing: promise.keep("alerts_firing", "Alerts that fire now"),
            actions: promise.keep("actions", "What people asked an upstream to do"),
            refusals: promise.keep("refusals", "Requests that were refused, by what the audit has of them"),
            store_bytes: promise.keep("store_bytes", "Size of the store on disk"),
            backup_age: promise
                .keep("backup_age_seconds", "Time since the store was last copied; absent without a copy"),
            unknown_tokens: promise
                .keep("unknown_tokens", "Tokens that were not known when they were shown, by what came of it"),
            open_connections: promise.keep("open_connections", "Connections held now, sockets included"),
            connections: promise.keep("connections", "Connections that came, by how they were treated"),
            registry: {
                let help = "How often a message from outside had to be repaired before it could be read";
                promise.0.register("json_repairs", help, json::REPAIRS.clone());
                registry
            },
        }))
    }

    /// Everything counted so far, as text of the type [`CONTENT_TYPE`].
    #[must_use]
    pub fn render(&self) -> String {
        let now = self.0.clock.now();
        for (source, at) in self.0.heard.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let age = now.duration_since(*at).as_secs_f64().max(0.0);
            self.0.source_age.get_or_create(&[("source", *source)]).set(age);
        }
        let mut text = String::new();
        if encode(&mut text, &self.0.registry).is_err() {
            // A `String` takes everything; should the library itself give up, a scrape must not look complete.
            text.clear();
            let _ = text.write_str("# the metrics could not be written\n");
        }
        text
    }

    /// Whether a source can be heard.
    pub fn source_up(&self, source: &'static str, up: bool) {
        self.0.source_up.get_or_create(&[("source", source)]).set(i64::from(up));
    }

    /// How far a source's clock is ahead of ours.
    pub fn source_clock_offset(&self, source: &'static str, seconds: f64) {
        self.0.source_clock_offset.get_or_create(&[("source", source)]).set(seconds);
    }

    /// A source told us this many things just now. None at all is also news: it is there and has nothing to tell.
    pub fn source_events(&self, source: &'static str, events: u64) {
        self.0.heard.lock().unwrap_or_else(PoisonError::into_inner).insert(source, self.0.clock.now());
        self.0.source_events.get_or_create(&[("source", source)]).inc_by(events);
    }

    /// A source is read afresh, because what it pushed may have had a gap.
    pub fn source_resync(&self, source: &'static str, reason: &'static str) {
        self.0.source_resyncs.get_or_create(&[("source", source), ("reason", reason)]).inc();
    }

    /// Something that the status page counts happened to a source so many times.
    pub fn source_count(&self, source: &'static str, what: &'static str, times: u64) {
        self.0.source_counts.get_or_create(&[("source", source), ("count", what)]).inc_by(times);
    }

    /// Clarity refuses to show so many agents to the account.
    pub fn agents_not_permitted(&self, agents: usize) {
        self.0.agents_not_permitted.set(whole(agents as u64));
    }

    /// A viewer of this page has come; it counts until what is returned here is dropped.
    #[must_use = "the viewer counts for as long as this is held"]
    pub fn viewer(&self, page: &'static str) -> GaugeGuard {
        GaugeGuard::new(self.0.viewers.get_or_create_owned(&[("page", page)]))
    }

    /// A patch of so many bytes is on a viewer's socket, so many seconds after what it tells had reached us.
    pub fn patch_written(&self, bytes: usize, seconds: f64) {
        self.0.patch_bytes.inc_by(bytes as u64);
        self.0.patch_seconds.observe(seconds);
    }

    /// A viewer was too slow for so many versions, and gets them as part of a later one.
    pub fn viewer_coalesced(&self, versions: u64) {
        self.0.viewer_coalesced.inc_by(versions);
    }

    /// A viewer that came back could not be helped by a patch and got the whole document.
    pub fn client_resync(&self, reason: &'static str) {
        self.0.client_resync.get_or_create(&[("reason", reason)]).inc();
    }

    /// A webhook was received, and this became of it.
    pub fn webhook(&self, source: &'static str, result: &'static str) {
        self.0.webhooks.get_or_create(&[("source", source), ("result", result)]).inc();
    }

    /// Somebody brought a token that was not known.
    pub fn unknown_token(&self, result: &'static str) {
        self.0.unknown_tokens.get_or_create(&[("result", result)]).inc();
    }

    /// A signed webhook could not be read.
    pub fn webhook_unreadable(&self, source: &'static str) {
        self.0.webhook_unreadable.get_or_create(&[("source", source)]).inc();
    }

    /// A signed webhook was of a type that is not known. The type is the sender's text, and no label.
    pub fn webhook_unknown_type(&self, source: &'static str) {
        self.0.webhook_unknown_type.get_or_create(&[("source", source)]).inc();
    }

    /// So many responses of this age wait for an answer now.
    pub fn feedback_open(&self, age: &'static str, responses: u64) {
        self.0.feedback_open.get_or_create(&[("age", age)]).set(whole(responses));
    }

    /// A survey request ended like this, because of that.
    pub fn survey_request(&self, result: &'static str, cause: &'static str) {
        self.0.survey_requests.get_or_create(&[("result", result), ("cause", cause)]).inc();
    }

    /// The share of recent survey requests that went wrong, between 0 and 1.
    pub fn survey_error_ratio(&self, ratio: f64) {
        self.0.survey_error_ratio.set(ratio);
    }

    /// So many alerts of this severity fire now.
    pub fn alerts_firing(&self, severity: &'static str, alerts: usize) {
        self.0.alerts_firing.get_or_create(&[("severity", severity)]).set(whole(alerts as u64));
    }

    /// Somebody asked an upstream to do something, and it ended like this.
    pub fn action(&self, action: &'static str, result: &'static str) {
        self.0.actions.get_or_create(&[("action", action), ("result", result)]).inc();
    }

    /// So many sensitive requests were refused: `written` to the audit, `counted` there with another, or `omitted` of it.
    pub fn refusals(&self, audit: &'static str, requests: u64) {
        self.0.refusals.get_or_create(&[("audit", audit)]).inc_by(requests);
    }

    /// How large the store is now.
    pub fn store_bytes(&self, bytes: u64) {
        self.0.store_bytes.set(whole(bytes));
    }

    /// The store was last copied so long ago.
    pub fn backup_age(&self, seconds: f64) {
        self.0.backup_age.get_or_create(&[]).set(seconds);
    }

    /// A connection is held until what is returned here is dropped.
    #[must_use = "the connection counts for as long as this is held"]
    pub fn connection_open(&self) -> GaugeGuard {
        GaugeGuard::new(self.0.open_connections.clone())
    }

    /// A connection was treated like this.
    pub fn connection(&self, result: &'static str) {
        self.0.connections.get_or_create(&[("result", result)]).inc();
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

/// Somebody who is counted for as long as they are here.
#[derive(Debug)]
pub struct GaugeGuard(Gauge);

impl GaugeGuard {
    fn new(gauge: Gauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for GaugeGuard {
    fn drop(&mut self) {
        self.0.dec();
    }
}

struct Promise<'a>(&'a mut Registry);

impl Promise<'_> {
    fn keep<M>(&mut self, name: &str, help: &str) -> M
    where
        M: Clone + Default + prometheus_client::registry::Metric,
    {
        let metric = M::default();
        self.0.register(name, help, metric.clone());
        metric
    }
}

fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn standing() -> (Clock, Metrics) {
        let clock = Clock::manual(Timestamp::UNIX_EPOCH);
        (clock.clone(), Metrics::new(clock))
    }

    #[test]
    fn every_promised_name_is_kept() {
        let (_, metrics) = standing();
        metrics.source_up("clarity", true);
        metrics.source_events("clarity", 3);
        metrics.source_clock_offset("clarity", -1200.0);
        metrics.source_resync("clarity", "reconnected");
        metrics.source_count("clarity", "repaired", 2);
        let _viewer = metrics.viewer("supervisor");
        metrics.patch_written(120, 0.004);
        metrics.viewer_coalesced(2);
        metrics.client_resync("epoch");
        metrics.webhook("goodays", "stored");
        metrics.webhook_unreadable("goodays");
        metrics.webhook_unknown_type("kustomer");
        metrics.feedback_open("day", 4);
        metrics.survey_request("rejected", "duplicate");
        metrics.survey_error_ratio(0.25);
        metrics.alerts_firing("critical", 1);
        metrics.action("status", "done");
        metrics.refusals("omitted", 2);
        metrics.store_bytes(4096);
        assert!(!metrics.render().contains("backup_age_seconds{"), "nobody knows the age of what was never made");
        metrics.backup_age(3600.0);
        let _connection = metrics.connection_open();
        metrics.connection("served");
        let text = metrics.render();
        for line in [
            concat!("callboard_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
            "callboard_source_up{source=\"clarity\"} 1",
            "callboard_source_age_seconds{source=\"clarity\"} 0.0",
            "callboard_source_clock_offset_seconds{source=\"clarity\"} -1200.0",
            "callboard_source_events_total{source=\"clarity\"} 3",
            "callboard_source_resyncs_total{source=\"clarity\",reason=\"reconnected\"} 1",
            "callboard_source_counts_total{source=\"clarity\",count=\"repaired\"} 2",
            "callboard_viewers{page=\"supervisor\"} 1",
            "callboard_patch_seconds_bucket{le=\"0.0025\"} 0",
            "callboard_patch_seconds_bucket{le=\"0.005\"} 1",
            "callboard_patch_bytes_total 120",
            "callboard_viewer_coalesced_total 2",
            "callboard_client_resync_total{reason=\"epoch\"} 1",
            "callboard_webhooks_total{source=\"goodays\",result=\"stored\"} 1",
            "callboard_webhook_unreadable_total{source=\"goodays\"} 1",
            "callboard_webhook_unknown_type_total{source=\"kustomer\"} 1",
            "callboard_feedback_open{age=\"day\"} 4",
            "callboard_survey_requests_total{result=\"rejected\",cause=\"duplicate\"} 1",
            "callboard_survey_error_ratio 0.25",
            "callboard_alerts_firing{severity=\"critical\"} 1",
            "callboard_actions_total{action=\"status\",result=\"done\"} 1",
            "callboard_refusals_total{audit=\"omitted\"} 2",
            "callboard_store_bytes 4096",
            "callboard_backup_age_seconds{} 3600.0",
            "callboard_open_connections 1",
            "callboard_connections_total{result=\"served\"} 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }

    #[test]
    fn the_age_of_a_source_grows_until_it_is_heard_again() {
        let (clock, metrics) = standing();
        assert!(!metrics.render().contains("source_age_seconds{"), "nobody knows the age of what was never heard");
        metrics.source_events("goodays", 1);
        clock.advance(SignedDuration::from_millis(2500));
        assert!(metrics.render().contains("callboard_source_age_seconds{source=\"goodays\"} 2.5"));
        metrics.source_events("goodays", 0);
        assert!(metrics.render().contains("callboard_source_age_seconds{source=\"goodays\"} 0.0"));
    }

    #[test]
    fn whoever_leaves_is_no_longer_counted() {
        let (_, metrics) = standing();
        let first = metrics.viewer("wallboard");
        let second = metrics.clone().viewer("wallboard");
        drop(first);
        assert!(metrics.render().contains("callboard_viewers{page=\"wallboard\"} 1"));
        drop(second);
        assert!(metrics.render().contains("callboard_viewers{page=\"wallboard\"} 0"));
    }
}
