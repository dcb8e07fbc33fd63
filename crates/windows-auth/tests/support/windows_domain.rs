//! A Windows domain and a site that asks for it: MIT's KDC and Apache with mod_auth_gssapi and gss-ntlmssp, from
//! Debian's packages, on loopback and in a directory of their own. Apache passes authenticated requests on to a backend
//! of the test, with the account in `X-Signed-In`.

use std::net::TcpListener as PortFinder;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::time::timeout;
use url::Url;

const TIMEOUT: Duration = Duration::from_secs(60);

pub const DOMAIN: &str = "EXAMPLE";
pub const USER: &str = "svc";
pub const PASSWORD: &str = "Passw0rd!";
/// What Apache calls the account when it authenticated by NTLM, and when by Kerberos.
pub const BY_NTLM: &str = "EXAMPLE\\svc";
pub const BY_KERBEROS: &str = "svc@EXAMPLE";

/// How the site authenticates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Site {
    /// Negotiate with tickets or NTLM.
    Usual,
    /// Negotiate with tickets only.
    Kerberos,
    /// The usual one, over TLS.
    Tls,
}

/// The domain and the site. Dropping it ends both.
pub struct WindowsDomain {
    pub kdc: String,
    connections: Arc<AtomicUsize>,
    proxy: u16,
    kind: Site,
    _servers: [Child; 2],
    folder: TempDir,
}

impl WindowsDomain {
    /// Starts both. `/webauth/` of the site is that of the backend on this port of loopback.
    pub async fn start(kind: Site, backend: u16) -> Self {
        let folder = TempDir::new().expect("a directory");
        let (kdc, site) = (free_port(), free_port());
        let domain = start_domain(folder.path(), kdc).await;
        let apache = start_site(folder.path(), site, backend, kind).await;
        let connections = Arc::default();
        let proxy = start_proxy(site, Arc::clone(&connections)).await;
        let kdc = format!("127.0.0.1:{kdc}");
        Self { kdc, connections, proxy, kind, _servers: [domain, apache], folder }
    }

    /// A URL that needs authentication, by the name in the site's service principal.
    pub fn token_url(&self) -> Url {
        let scheme = if self.kind == Site::Tls { "https" } else { "http" };
        format!("{scheme}://localhost:{}/webauth/token", self.proxy).parse().expect("an address")
    }

    /// The certificate that a client of the site must trust.
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }

    /// A keytab with the key that the account has now.
    pub async fn keytab(&self) -> PathBuf {
        let path = self.folder.path().join("svc.keytab");
        let _ = std::fs::remove_file(&path);
        self.administer(&format!("ktadd -norandkey -k {} {USER}", path.display())).await;
        path
    }

    /// A credential cache with the account's ticket, as `kinit` writes it into this file.
    pub async fn cache(&self, name: &str) -> PathBuf {
        let keytab = self.keytab().await;
        let path = self.folder.path().join(name);
        let [from, to] = [&keytab, &path].map(|path| path.to_str().expect("a plain path"));
        run(self.folder.path(), "kinit", &["-k", "-t", from, "-c", to, USER]).await;
        path
    }

    /// Gives the account another key, so that its password and its keytabs are no longer valid.
    pub async fn change_key(&self) {
        self.administer(&format!("cpw -randkey {USER}")).await;
    }

    async fn administer(&self, query: &str) {
        run(self.folder.path(), "kadmin.local", &["-r", DOMAIN, "-q", query]).await;
    }

    /// How many connections have been accepted: one for each authentication.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// A domain with one account and one service.
async fn start_domain(folder: &Path, port: u16) -> Child {
    let at = folder.display();
    write(
        folder,
        "krb5.conf",
        &format!(
            "[libdefaults]\n default_realm = {DOMAIN}\n dns_lookup_kdc = false\n dns_canonicalize_hostname = false\n \
             rdns = false\n[realms]\n {DOMAIN} = {{\n  kdc = 127.0.0.1:{port}\n }}\n"
        ),
    );
    write(
        folder,
        "kdc.conf",
        &format!(
            "[kdcdefaults]\n kdc_listen = 127.0.0.1:{port}\n kdc_tcp_listen = 127.0.0.1:{port}\n[realms]\n {DOMAIN} = \
             {{\n  database_name = {at}/principals\n  key_stash_file = {at}/stash\n  acl_file = {at}/acl\n \
             }}\n[logging]\n kdc = FILE:{at}/kdc.log\n"
        ),
    );
    run(folder, "kdb5_util", &["create", "-s", "-r", DOMAIN, "-P", "master"]).await;
    for query in [
        // As every account of a Windows domain is.
        format!("addprinc +requires_preauth -pw {PASSWORD} {USER}"),
        "addprinc -randkey HTTP/localhost".to_owned(),
        format!("ktadd -k {at}/http.keytab HTTP/localhost"),
    ] {
        run(folder, "kadmin.local", &["-r", DOMAIN, "-q", &query]).await;
    }
    start(folder, "krb5kdc", &["-n", "-r", DOMAIN, "-P", &format!("{at}/kdc.pid")], "starting").await
}

/// A site that authenticates against the domain or the list of users, and proxies to the backend.
async fn start_site(folder: &Path, port: u16, backend: u16, kind: Site) -> Child {
    let at = folder.display();
    write(folder, "users", &format!("{DOMAIN}:{USER}:{PASSWORD}\n"));
    let ntlm = if kind == Site::Kerberos { "" } else { "GssapiAllowedMech ntlmssp" };
    let tls = match kind {
        Site::Tls => {
            make_certificate(folder).await;
            format!("SSLEngine On\nSSLCertificateFile {at}/cert.pem\nSSLCertificateKeyFile {at}/key.pem\n")
        }
        _ => String::new(),
    };
    let modules: String =
        ["mpm_event", "authn_core", "authz_core", "authz_user", "auth_gssapi", "proxy", "proxy_http", "headers", "ssl"]
            .map(|name| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"))
            .concat();
    write(
        folder,
        "site.conf",
        &format!(
            "ServerRoot {at}\nServerName localhost\nListen 127.0.0.1:{port}\nPidFile {at}/apache.pid\n\
             DefaultRuntimeDir {at}\nErrorLog {at}/site.log\n{modules}{tls}User www-data\nGroup www-data\n\
             <Location /webauth>\nAuthType GSSAPI\nAuthName site\nGssapiConnectionBound On\n\
             GssapiAllowedMech krb5\n{ntlm}\nRequire valid-user\n\
             RequestHeader set X-Signed-In \"expr=%{{REMOTE_USER}}\"\nRequestHeader unset Authorization\n</Location>\n\
             ProxyPass /webauth http://127.0.0.1:{backend}/webauth\n"
        ),
    );
    // Apache reads all of this as another user, where it is root that runs the tests.
    open_up(folder, 0o755);
    for file in ["users", "http.keytab", "krb5.conf"] {
        open_up(&folder.join(file), 0o644);
    }
    // One process (-X), so that killing it ends everything; such an Apache prints nothing when it is ready.
    let mut apache = spawn(folder, "apache2", &["-X", "-f", &format!("{at}/site.conf")]);
    let standing = async {
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            assert_eq!(apache.try_wait().expect("a child"), None, "Apache ended; its messages are in {at}/site.log");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(TIMEOUT, standing).await.expect("Apache serves in time");
    apache
}

async fn make_certificate(folder: &Path) {
    let names = "[req]\ndistinguished_name = name\nx509_extensions = more\nprompt = no\n[name]\nCN = localhost\n\
                 [more]\nsubjectAltName = DNS:localhost\nbasicConstraints = critical, CA:FALSE\n";
    write(folder, "names.cnf", names);
    let [names, key, certificate] = ["names.cnf", "key.pem", "cert.pem"].map(|file| folder.join(file));
    let [names, key, certificate] = [&names, &key, &certificate].map(|path| path.to_str().expect("a plain path"));
    let kind = ["req", "-x509", "-newkey", "rsa:2048", "-sha384", "-nodes", "-days", "2"];
    let files = ["-config", names, "-keyout", key, "-out", certificate];
    run(folder, "openssl", &[&kind[..], &files[..]].concat()).await;
}

/// Starts a TCP proxy in front of the site that counts connections. Returns its port.
async fn start_proxy(site: u16, connections: Arc<AtomicUsize>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((mut outside, _)) = listener.accept().await {
            connections.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let mut inside = TcpStream::connect(("127.0.0.1", site)).await?;
                copy_bidirectional(&mut outside, &mut inside).await
            });
        }
    });
    port
}

/// Starts a server and waits until it says that it serves.
async fn start(folder: &Path, program: &str, arguments: &[&str], ready: &str) -> Child {
    let mut child = spawn(folder, program, arguments);
    let mut lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
    let mut said = Vec::new();
    let told = async {
        while let Ok(Some(line)) = lines.next_line().await {
            let is_ready = line.contains(ready);
            said.push(line);
            if is_ready {
                return true;
            }
        }
        false
    };
    let is_ready = timeout(TIMEOUT, told).await.unwrap_or(false);
    assert!(is_ready, "{program} never served:\n{}", said.join("\n"));
    // A process that writes into a full pipe would block.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    child
}

fn spawn(folder: &Path, program: &str, arguments: &[&str]) -> Child {
    command(folder, program).args(arguments).stderr(Stdio::piped()).spawn().unwrap_or_else(|error| {
        panic!("{program} cannot be started, `sh tests/prepare.sh` installs it: {error}");
    })
}

async fn run(folder: &Path, program: &str, arguments: &[&str]) {
    let output = timeout(TIMEOUT, command(folder, program).args(arguments).output()).await.expect("an end in time");
    let output =
        output.unwrap_or_else(|error| panic!("{program} cannot be run, `sh tests/prepare.sh` installs it: {error}"));
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
}

fn command(folder: &Path, program: &str) -> Command {
    let mut command = Command::new(program);
    command
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("KRB5_CONFIG", folder.join("krb5.conf"))
        .env("KRB5_KDC_PROFILE", folder.join("kdc.conf"))
        .env("KRB5_KTNAME", folder.join("http.keytab"))
        .env("KRB5RCACHENAME", "none:")
        .env("NTLM_USER_FILE", folder.join("users"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true);
    command
}

fn free_port() -> u16 {
    PortFinder::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port").port()
}

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).expect("a file");
}

fn open_up(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("a mode");
}
