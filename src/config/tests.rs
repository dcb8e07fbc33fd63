//! Configurations that load, and the errors of those that do not.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Span;
use tempfile::TempDir;

use super::*;
use base::secret::ExposeSecret;

const EXAMPLE: &str = include_str!("../../callboard.example.toml");

/// A directory with a configuration file.
struct Place(TempDir);

impl Place {
    fn with(text: &str) -> Self {
        let place = Self(tempfile::tempdir().expect("a temporary directory"));
        fs::write(place.file(), text).expect("a file");
        set_mode(&place.file(), 0o600);
        place
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("callboard.toml")
    }

    fn secret(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(&path, text).expect("a file");
        set_mode(&path, 0o600);
        path
    }

    fn load(&self) -> Result<Config, String> {
        self.load_with(&[])
    }

    fn load_with(&self, environment: &[(&str, &str)]) -> Result<Config, String> {
        let environment = environment.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        Config::load(Some(&self.file()), environment).map_err(|error| error.to_string())
    }
}

fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
}

fn example() -> Place {
    let place = Place::with(EXAMPLE);
    for name in [
        "clarity",
        "goodays",
        "goodays-hmac",
        "agent-connect",
        "agent-connect-data",
        "kustomer",
        "kustomer-webhook",
        "alerts",
    ] {
        place.secret(&format!("secrets/{name}"), &format!("secret of {name}\n"));
    }
    place
}

#[test]
fn empty_configuration_switches_every_system_off() {
    let config = Config::load(None, std::iter::empty()).expect("a configuration");
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:8080");
    assert!(config.clarity.is_none() && config.goodays.is_none());
    assert!(config.agent_connect.is_none() && config.kustomer.is_none());
}

#[test]
fn example_file_loads_with_the_values_it_shows() {
    let config = example().load().expect("the example");
    assert_eq!(config.server.time_zone.iana_name(), Some("America/Chicago"));
    assert_eq!((config.store.backup_interval, config.store.backups_kept), (Duration::from_secs(3600), 24));
    assert_eq!((config.store.min_free, config.store.backup_dir), (Bytes(64 << 20), None));
    assert_eq!(config.privacy.keep_feedback.fieldwise(), Span::new().months(13).fieldwise());
    assert!(config.server.tls.is_none() && config.server.trusted_proxies.is_empty());
    let clarity = config.clarity.expect("a section");
    assert_eq!(clarity.poll_interval, Duration::from_secs(15));
    assert_eq!(clarity.transports, [Transport::WebSockets, Transport::ServerSentEvents, Transport::LongPolling]);
    assert_eq!(clarity.password.expect("a password").expose_secret(), "secret of clarity");
    assert!(!clarity.probe_queue_metrics, "an undocumented method is off by default");
    // The metrics that pages have columns for.
    let shown = ["queuedCount", "answeredCount", "abandonedCount"];
    assert_eq!(clarity.queue_metrics, shown);
    let root = "https://connect.example.com".parse().expect("an address");
    assert_eq!(Clarity::new(root, "client", Auth::Ntlm).queue_metrics, shown);
    assert!(clarity.status_history && clarity.breakdowns);
    assert!(clarity.token_url.is_none() && clarity.jwt_key.is_none(), "an empty text means none");
    assert_eq!(config.agent_connect.expect("a section").data_return_interval, Duration::from_secs(60));
    assert_eq!(config.join.places, [PlaceLink { partner_id: "1234".to_owned(), queue_id: 3 }]);
    assert_eq!(config.join.visit_window, Duration::from_secs(30 * 60));
    assert_eq!(config.join.goodays_extra_keys.visit_date, "transaction_date");
    assert_eq!(config.privacy.keep_sessions.fieldwise(), Span::new().days(90).fieldwise());
    assert_eq!(config.queues[0].service_level.expect("a promise").formula, Formula::Event);
    assert_eq!(config.thresholds[0].critical, Some(Limit::Duration(Duration::from_secs(60))));
    assert!(config.thresholds[0].is_higher_worse());
    assert_eq!(config.wallboards[0].queues, [QueueRef::Id(1), QueueRef::Id(2), QueueRef::Id(3)]);
    assert!((config.wallboards[0].viewing_distance - 5.0).abs() < f32::EPSILON);
}

#[test]
fn debug_output_contains_no_secret() {
    let config = example().load().expect("the example");
    let shown = format!("{config:?}");
    assert!(!shown.contains("secret of"), "{shown}");
    assert!(!shown.contains("\"...\""), "{shown}");
}

#[test]
fn defaults_of_constructors_equal_defaults_of_the_file() {
    let text = "[clarity]\napi_root = \"https://c.example/webapi/api\"\nclient_id = \"x\"\nauth = \"static\"\ntoken = \
        \"t\"\n\
                [goodays]\napi_token = \"t\"\nhmac_secrets = [\"s\"]\n[[wallboards]]\nname = \"a\"";
    let read = Place::with(text).load().expect("a configuration");
    let url = |text: &str| url::Url::parse(text).expect("a URL");
    let mut clarity = Clarity::new(url("https://c.example/webapi/api"), "x", Auth::Static);
    clarity.token = Some("t".into());
    let goodays = Goodays::new(url("https://api.goodays.co/v2"), "t".into(), vec!["s".into()]);
    let built = Config {
        clarity: Some(clarity),
        goodays: Some(goodays),
        wallboards: vec![Wallboard::new("a")],
        ..Config::default()
    };
    assert_eq!(format!("{read:?}"), format!("{built:?}"));
}

#[test]
fn environment_variables_override_the_file() {
    let config = example()
        .load_with(&[
            ("CALLBOARD__CLARITY__API_ROOT", "https://other.example.com/api"),
            ("CALLBOARD__CLARITY__USERNAME", "12345"),
            ("CALLBOARD__CLARITY__PASSWORD", "true"),
            ("CALLBOARD__CLARITY__MODALITIES", "[\"audio\"]"),
            ("CALLBOARD__CLARITY__PROBE_QUEUE_METRICS", "true"),
            ("CALLBOARD__GOODAYS__ALLOW_UNSIGNED", "true"),
            ("CALLBOARD__QUEUES__0__SERVICE_LEVEL__SECONDS", "30"),
            ("CALLBOARD__WALLBOARDS__0__NAME", "service"),
            ("CALLBOARD__WALLBOARDS__1__NAME", "second"),
            ("CALLBOARD__JOIN__PLACES", "[{ partner_id = \"9\", queue_id = 8 }]"),
            ("CALLBOARD__THRESHOLDS__0__WARN", "31s"),
            ("PATH", "/bin"),
        ])
        .expect("a configuration");
    let clarity = config.clarity.expect("a section");
    assert_eq!(clarity.api_root.as_str(), "https://other.example.com/api");
    assert_eq!(clarity.username, "12345", "a number stays text where the type is text");
    assert_eq!(clarity.password.expect("a password").expose_secret(), "true", "it replaces password_file");
    assert_eq!(clarity.modalities, ["audio"]);
    assert!(clarity.probe_queue_metrics);
    assert!(config.goodays.expect("a section").allow_unsigned);
    assert_eq!(config.queues[0].service_level.expect("a promise").seconds, 30);
    assert_eq!(config.wallboards.iter().map(|board| board.name.as_str()).collect::<Vec<_>>(), ["service", "second"]);
    assert_eq!(config.join.places, [PlaceLink { partner_id: "9".to_owned(), queue_id: 8 }]);
    assert_eq!(config.thresholds[0].warn, Some(Limit::Duration(Duration::from_secs(31))));
}

#[test]
fn each_value_has_its_origin() {
    let place = example();
    let environment = [("CALLBOARD__CLARITY__HUB".to_owned(), "other".to_owned())];
    let (_, origins) = Config::load_with_origins(Some(&place.file()), environment.into_iter()).expect("the example");
    let origin = |key: &str| origins.iter().find(|(name, _)| name == key).map(|(_, origin)| *origin);
    assert_eq!(origin("clarity.api_root"), Some(Origin::File));
    assert_eq!(origin("clarity.hub"), Some(Origin::Environment));
    assert_eq!(origin("clarity.password"), Some(Origin::SecretFile));
    assert_eq!(origin("clarity.token"), None);
}

#[test]
fn tls_paths_are_relative_to_the_file_and_proxies_are_networks() {
    let text = "[server]\npublic_url = \"https://c.example\"\ntrusted_proxies = [\"10.0.0.0/8\", \"127.0.0.1\"]\n\
                tls = { certificate_file = \"tls/c.pem\", key_file = \"tls/k.pem\" }\n";
    let place = Place::with(text);
    let missing = place.load().expect_err("no key");
    assert!(missing.starts_with("server.tls.key_file names ") && missing.contains("which does not exist"), "{missing}");
    let key = place.secret("tls/k.pem", "key");
    let server = place.load().expect("a configuration").server;
    let tls = server.tls.expect("a certificate");
    assert_eq!((&tls.key_file, tls.certificate_file), (&key, place.0.path().join("tls/c.pem")));
    assert_eq!(format!("{:?}", server.trusted_proxies), "[10.0.0.0/8, 127.0.0.1/32]");
    set_mode(&key, 0o644);
    let public = place.load().expect_err("others can read it");
    assert_eq!(
        public,
        format!(
            "server.tls.key_file names {0}, which every user of this machine can reach: run chmod 600 {0}.",
            key.display()
        )
    );
}

#[track_caller]
fn assert_refused(text: &str, sentence: &str) {
    assert_eq!(Place::with(text).load().map(|_| "it was accepted"), Err(sentence.to_owned()), "{text}");
}

#[test]
fn syntax_error_names_the_line_without_quoting_it() {
    let said = Place::with("[clarity]\npassword = hunter2\n").load().expect_err("no TOML");
    assert!(said.contains("callboard.toml, line 2, is not valid TOML: "), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
    let missing = Config::load(Some(Path::new("/nowhere/callboard.toml")), std::iter::empty());
    assert_eq!(
        missing.expect_err("no file").to_string(),
        "The configuration file /nowhere/callboard.toml does not exist: copy callboard.example.toml to that place, or \
         name another file with --config."
    );
}

#[test]
fn unknown_key_is_refused_with_the_nearest_known_one() {
    assert_refused("[clarity]\napi_rot = 1", "clarity.api_rot is not a known key: did you mean clarity.api_root?");
    assert_refused("[clarety]\n", "clarety is not a known key: did you mean clarity?");
    assert_refused("listen = \"x\"", "listen is not a known key: did you mean server.listen?");
    assert_refused(
        "[[queues]]\nid = 1\nservice_level = { second = 1 }",
        "queues[0].service_level.second is not a known key: did you mean queues[0].service_level.seconds?",
    );
    assert_refused("[clarity]\nhub_file = \"x\"", "clarity.hub_file is not a known key: did you mean clarity.hub?");
    let place = Place::with("");
    assert_eq!(
        place.load_with(&[("CALLBOARD__CLARITY__API_ROT", "x")]).expect_err("unknown"),
        "CALLBOARD__CLARITY__API_ROT is not a known key: did you mean CALLBOARD__CLARITY__API_ROOT?"
    );
}

#[test]
fn value_of_the_wrong_type_is_refused_in_plain_words() {
    assert_refused(
        "[server]\nlisten = \"8080\"",
        "server.listen must be an address and a port such as \"127.0.0.1:8080\".",
    );
    assert_refused("[server]\nlisten = 8080", "server.listen must be a text in quotes, not a number.");
    assert_refused(
        "[server]\ntime_zone = \"America/Chikago\"",
        "server.time_zone names the time zone \"America/Chikago\", which is not known: write one such as \
         \"America/Chicago\".",
    );
    assert_refused(
        "[server]\nday_starts = \"25:00\"",
        "server.day_starts must be a time of day such as \"00:00\" or \"04:30\".",
    );
    assert_refused("[goodays]\nallow_unsigned = \"no\"", "goodays.allow_unsigned must be true or false, not a text.");
    assert_refused("[goodays]\napi_token = 12345678", "goodays.api_token must be a text in quotes, not a number.");
    assert_refused("[goodays]\n", "goodays.api_token is missing: add it to the configuration.");
    assert_refused("clarity = 3", "clarity must be a table, not a number.");
    assert_refused("[clarity]\nauth = \"kerberos\"", "clarity.auth must be \"negotiate\", \"ntlm\" or \"static\".");
    assert_refused("[clarity]\ntransports = \"x\"", "clarity.transports must be a list in [brackets], not a text.");
    assert_refused(
        "[clarity]\npoll_interval = \"15\"",
        "clarity.poll_interval must be a duration such as \"15s\", \"500ms\", \"1m\" or \"2h\".",
    );
    assert_refused(
        "[[wallboards]]\nname = \"a\"\nviewing_distance = \"5\"",
        "wallboards[0].viewing_distance must be a distance in meters such as \"5m\".",
    );
    assert_refused(
        "[[thresholds]]\non = \"queue.x\"\nmin_samples = -1",
        "thresholds[0].min_samples must be a whole number that is not negative.",
    );
    assert_refused(
        "[[thresholds]]\non = \"queue.x\"\nwarn = \"soon\"",
        "thresholds[0].warn must be a number, or a duration such as \"30s\".",
    );
    assert_refused(
        "[[wallboards]]\nname = \"a\"\nqueues = [true]",
        "wallboards[0].queues[0] must be a queue's number or its name in quotes.",
    );
    assert_refused(
        "[join]\nclosed_within = \"5h\"",
        "join.closed_within must be at most \"4h\": a later conversation is about something else.",
    );
    assert_refused(
        "[join]\nfederated_domains = [\"example.com\", \"@example.com\"]",
        "join.federated_domains[1] must be the part behind the @ of an address, such as \"example.com\".",
    );
    assert_refused(
        "[[queues]]\nid = 1\nopening_hours = \"always\"",
        "queues[0].opening_hours must be opening hours such as \"Mon-Fri 08:00-20:00\" or \"Mon-Fri 08:00-20:00, Sat \
         09:00-13:00\".",
    );
    let place = Place::with("");
    assert_eq!(
        place.load_with(&[("CALLBOARD__GOODAYS__ALLOW_UNSIGNED", "maybe")]).expect_err("no truth value"),
        "CALLBOARD__GOODAYS__ALLOW_UNSIGNED must be true or false, not a text."
    );
    assert_eq!(
        place.load_with(&[("CALLBOARD__JOIN__PLACES", "[{ partner_id = 9, queue_id = 8 }]")]).expect_err("no text"),
        "CALLBOARD__JOIN__PLACES__0__PARTNER_ID must be a text in quotes, not a number."
    );
    assert_eq!(
        place.load_with(&[("CALLBOARD__WALLBOARDS__1__NAME", "a")]).expect_err("a gap"),
        "CALLBOARD__WALLBOARDS__1__NAME leaves a gap in the list: use 0 next."
    );
}

#[test]
fn value_that_cannot_be_used_is_refused_with_what_to_do() {
    let clarity = "[clarity]\nclient_id = \"x\"\nusername = \"u\"\npassword = \"p\"\napi_root = ";
    assert_refused(
        &format!("{clarity}\"http://connect.example.com/api\""),
        "clarity.api_root must begin with https://, because credentials are sent to it; only this machine (localhost, \
         127.0.0.1) needs no TLS.",
    );
    assert_refused(
        &format!("{clarity}\"https://c.example\"\ntoken_url = \"http://c.example/token\""),
        "clarity.token_url must begin with https://, because credentials are sent to it; only this machine (localhost, \
         127.0.0.1) needs no TLS.",
    );
    assert_refused(
        &format!("{clarity}\"https://u:p@c.example\""),
        "clarity.api_root must not carry a user name or password: use the keys made for them.",
    );
    assert_refused(
        &format!("{clarity}\"https://c.example\"\ndomain = \"D\"").replace("\"u\"", "'D\\u'"),
        "clarity.domain must be left out: username names a domain already.",
    );
    assert_refused(
        &format!("{clarity}\"https://c.example\"\nkdc = \"tcp://dc1.example.com\""),
        "clarity.kdc must be a bare host, with a port if it is not 88, such as \"dc1.example.com\".",
    );
    assert_refused(
        &format!("{clarity}\"https://c.example\"\nauth = \"static\""),
        "clarity.token is missing: auth = \"static\" needs a ready JWT in token or token_file.",
    );
    assert_refused(
        &format!("{clarity}\"http://127.0.0.1:9\"\npoll_interval = \"0s\""),
        "clarity.poll_interval must be longer than zero: write a duration such as \"15s\".",
    );
    assert_refused(
        "[server]\npublic_url = \"https://callboard.example.com/board\"",
        "server.public_url must have no path: write only scheme and host, such as \"https://callboard.example.com\".",
    );
    assert_refused(
        "[server]\ntls = { certificate_file = \"c.pem\", key_file = \"k.pem\" }",
        "server.public_url must be the address that people type, beginning with https://, because server.tls is set.",
    );
    assert_refused(
        "[server]\npublic_url = \"https://c.example\"\ntls = { certificate_file = \"c.pem\" }",
        "server.tls.key_file is missing: add it to the configuration.",
    );
    assert_refused(
        "[server]\ntrusted_proxies = [\"10.0.0.0/40\"]",
        "server.trusted_proxies[0] must be an address or a network such as \"10.0.0.0/8\".",
    );
    assert_refused("[store]\nmin_free = \"64\"", "store.min_free must be a size such as \"64MB\" or \"2GB\".");
    assert_refused(
        "[store]\nbackup_interval = \"0s\"",
        "store.backup_interval must be longer than zero: write a duration such as \"15s\".",
    );
    for term in ["13m", "0d", "-1d", "1d 2h"] {
        assert_refused(
            &format!("[privacy]\nkeep_feedback = \"{term}\""),
            "privacy.keep_feedback must be a term of whole days, weeks, months or years: write \"30d\", \"8w\", \
             \"13mo\" or \"2y\".",
        );
    }
    assert_refused(
        "[join]\nvisit_window = \"25h\"",
        "join.visit_window must be at most \"24h\": a session of another day is not about this visit.",
    );
    assert_refused(
        "[goodays]\napi_token = \"t\"",
        "goodays.hmac_secrets is missing: copy the webhook's secret from Goodays, or set allow_unsigned = true to \
         accept unsigned webhooks.",
    );
    assert_refused(
        "[agent_connect]\nsend = \"dry-run\"",
        "agent_connect.api_key is missing: sending surveys needs it; write it into an api_key_file, or set send = \
         \"off\".",
    );
    assert_refused(
        "[[wallboards]]\nname = \"a\"\n[[wallboards]]\nname = \"a\"",
        "wallboards[1].name is that of an earlier wallboard: give each its own.",
    );
    assert_refused("[[queues]]\n", "queues[0] needs an id or a name: add one of them.");
    assert_refused(
        "[[thresholds]]\non = \"queue.longestWait\"\nwarn = \"30s\"\ncritical = \"60s\"\nclear_at = \"40s\"",
        "thresholds[0].clear_at must not be above warn: lower it.",
    );
    assert_refused(
        "[[thresholds]]\non = \"queue.serviceLevel\"\nwarn = 80\ncritical = 60\nclear_at = 75",
        "thresholds[0].clear_at must not be below warn: raise it.",
    );
    assert_refused(
        "[[thresholds]]\non = \"queue.x\"\nwarn = 80\ncritical = \"60s\"",
        "thresholds[0] mixes durations and numbers: write all its limits in the same unit.",
    );
    assert_refused(
        "[[wallboards]]\nname = \"a\"\ntiles = [\"queuedCount\", \"longestWiat\"]",
        "wallboards[0].tiles[1] is not a known tile: did you mean \"longestWait\"? A metric of your own Clarity is \
         written \"metric.itsName\".",
    );
    assert_refused(
        "[[thresholds]]\non = \"queue.longestWiat\"\nwarn = \"30s\"",
        "thresholds[0].on is not a known value: did you mean \"queue.longestWait\"? A metric of your own Clarity is \
         written \"queue.metric.itsName\".",
    );
}

#[test]
fn secret_file_must_exist_have_content_and_be_private() {
    let place = Place::with("[goodays]\nallow_unsigned = true\napi_token_file = \"token\"");
    let path = place.0.path().join("token");
    let shown = path.display();
    let refused = |sentence: String| assert_eq!(place.load().map(|_| "accepted"), Err(sentence));
    refused(format!("goodays.api_token_file names {shown}, which does not exist: write the secret into it."));
    place.secret("token", "\n");
    refused(format!("goodays.api_token_file names {shown}, which is empty: write the secret into it."));
    place.secret("token", "hunter2\r\n");
    let token = place.load().expect("a configuration").goodays.expect("a section").api_token;
    assert_eq!(token.expose_secret(), "hunter2");
    set_mode(&path, 0o644);
    refused(format!(
        "goodays.api_token_file names {shown}, which every user of this machine can reach: run chmod 600 {shown}."
    ));
    assert_eq!(
        place
            .load_with(&[("CALLBOARD__GOODAYS__API_TOKEN", "a"), ("CALLBOARD__GOODAYS__API_TOKEN_FILE", "token")])
            .err(),
        Some(
            "CALLBOARD__GOODAYS__API_TOKEN_FILE is given beside CALLBOARD__GOODAYS__API_TOKEN: keep one of the two."
                .to_owned()
        )
    );
}

#[test]
fn file_with_inline_secrets_must_be_private() {
    let inline = [
        ("[goodays]\nallow_unsigned = true\napi_token = \"hunter2\"", "goodays.api_token"),
        ("[goodays]\napi_token_file = \"token\"\nhmac_secrets = [\"hunter2\"]", "goodays.hmac_secrets"),
        ("[[alert_targets]]\nurl = \"https://a.example/\"\nsecret = \"hunter2\"", "alert_targets[0].secret"),
    ];
    for (text, key) in inline {
        let place = Place::with(text);
        place.secret("token", "t");
        for (mode, is_public) in [(0o600, false), (0o640, false), (0o644, true), (0o602, true), (0o601, true)] {
            set_mode(&place.file(), mode);
            let expected = format!(
                "{path} holds {key}, and every user of this machine can reach it (mode {mode:o}): run chmod 600 \
                 {path}, or put the secret into a file of its own and name that as {key}_file.",
                path = place.file().display()
            );
            assert_eq!(place.load().err(), is_public.then_some(expected), "{text}");
        }
    }
    let place = Place::with("[goodays]\nallow_unsigned = true\napi_token_file = \"token\"");
    place.secret("token", "t");
    set_mode(&place.file(), 0o644);
    place.load().expect("no secret is in it");
    let place = Place::with("[goodays]\nallow_unsigned = true");
    set_mode(&place.file(), 0o644);
    place.load_with(&[("CALLBOARD__GOODAYS__API_TOKEN", "t")]).expect("no secret is in it");
}

#[test]
fn secret_file_with_several_secrets_has_one_a_line() {
    let place = Place::with("[goodays]\napi_token = \"t\"\nhmac_secrets_file = \"hmac\"");
    place.secret("hmac", "new\nold\n\n");
    let goodays = place.load().expect("a configuration").goodays.expect("a section");
    let secrets: Vec<_> = goodays.hmac_secrets.iter().map(ExposeSecret::expose_secret).collect();
    assert_eq!(secrets, ["new", "old"]);
}

/// A `[clarity]` section with these lines about its account.
fn clarity_with(lines: &str) -> String {
    format!("[clarity]\napi_root = \"https://c.example/api\"\nclient_id = \"x\"\n{lines}")
}

#[test]
fn service_account_has_exactly_one_credential() {
    for (lines, sentence) in [
        (
            "username = \"a\"",
            "clarity.password is missing: write the service account's password into a password_file, or name a keytab \
             or a credential_cache.",
        ),
        (
            "username = \"a\"\npassword = \"p\"\nkeytab = \"k\"",
            "clarity.keytab is given beside clarity.password: keep one of the two.",
        ),
        (
            "username = \"a\"\nkeytab = \"k\"\ncredential_cache = \"c\"",
            "clarity.credential_cache is given beside clarity.keytab: keep one of the two.",
        ),
        ("keytab = \"k\"", "clarity.username is missing: write the name of the service account."),
        (
            "username = \"a\"\nauth = \"ntlm\"\nkeytab = \"k\"",
            "clarity.keytab is for Kerberos alone: auth = \"ntlm\" needs a password.",
        ),
        (
            "credential_cache = \"KCM:1000\"",
            "clarity.credential_cache must be a file, because nothing else can be read: `kinit -c` writes a cache, \
             `ktutil` a keytab.",
        ),
    ] {
        assert_refused(&clarity_with(lines), sentence);
    }
}

#[test]
fn keytab_must_exist_and_be_private() {
    let place = Place::with(&clarity_with("username = \"a\"\nkeytab = \"FILE:secrets/keytab\""));
    let path = place.0.path().join("secrets/keytab");
    let shown = path.display();
    let refused = |sentence: String| assert_eq!(place.load().map(|_| "accepted"), Err(sentence));
    refused(format!(
        "clarity.keytab names {shown}, which does not exist: ask the domain's administrators to export it, with AES \
            keys."
    ));
    place.secret("secrets/keytab", "\u{5}\u{2}");
    assert_eq!(place.load().expect("a configuration").clarity.expect("a section").keytab, Some(path.clone()));
    set_mode(&path, 0o604);
    refused(format!(
        "clarity.keytab names {shown}, which every user of this machine can reach: run chmod 600 {shown}."
    ));
}

#[test]
fn credential_cache_may_appear_later_and_names_the_account() {
    let place = Place::with(&clarity_with("credential_cache = \"FILE:/tmp/nowhere/krb5cc\""));
    let cache = |environment: &[(&str, &str)]| {
        let config = place.load_with(environment).expect("a configuration");
        config.clarity.and_then(|clarity| clarity.credential_cache)
    };
    assert_eq!(cache(&[]), Some("/tmp/nowhere/krb5cc".into()));
    let other = [("CALLBOARD__CLARITY__CREDENTIAL_CACHE", "/run/krb5cc")];
    assert_eq!(cache(&other), Some("/run/krb5cc".into()));
}
