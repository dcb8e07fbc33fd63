//! Authentication against a real domain and site: MIT Kerberos, and Apache with mod_auth_gssapi and gss-ntlmssp.

#[path = "support/windows_domain.rs"]
mod windows_domain;

use std::path::PathBuf;

use axum::http::HeaderMap;
use axum::routing::post;
use axum::{Router, serve};
use jiff::Timestamp;
use tokio::net::TcpListener;
use windows_auth::{Account, Authenticator, Credential, Error, Method, Response};
use windows_domain::{BY_KERBEROS, BY_NTLM, DOMAIN, PASSWORD, Site, USER, WindowsDomain};

/// A site whose backend answers with the account and the form that reached it.
async fn site(kind: Site) -> WindowsDomain {
    async fn echo(headers: HeaderMap, form: String) -> String {
        let account = headers.get("x-signed-in").and_then(|account| account.to_str().ok()).unwrap_or_default();
        format!("{account} {form}")
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move { serve(listener, Router::new().route("/webauth/token", post(echo))).await });
    WindowsDomain::start(kind, port).await
}

#[expect(clippy::disallowed_methods, reason = "a real KDC issues tickets by the time of day")]
async fn post_form(site: &WindowsDomain, credential: Credential, method: Method) -> Result<Response, Error> {
    let account = Account { username: USER.to_owned(), domain: DOMAIN.to_owned(), credential };
    let authenticator = Authenticator::new(account, method, Some(site.kdc.clone()));
    authenticator.post_form(&site.token_url(), &[("greeting", "a b")], Timestamp::now()).await
}

fn password(password: &str) -> Credential {
    Credential::Password(password.into())
}

/// Asserts that the form arrived as this account, over one connection.
fn assert_arrived(site: &WindowsDomain, response: &Response, account: &str) {
    assert_eq!((response.status.as_u16(), response.is_authenticated), (200, true));
    assert_eq!(String::from_utf8_lossy(&response.body), format!("{account} greeting=a+b"));
    assert_eq!(site.connections(), 1, "NTLM authenticates a connection");
}

#[tokio::test]
async fn ntlm_posts_the_form_over_one_connection() {
    let site = site(Site::Usual).await;
    let response = post_form(&site, password(PASSWORD), Method::Ntlm).await.expect("an answer");
    assert_arrived(&site, &response, BY_NTLM);
}

#[tokio::test]
async fn negotiate_prefers_a_kerberos_ticket() {
    let site = site(Site::Usual).await;
    let response = post_form(&site, password(PASSWORD), Method::Negotiate).await.expect("an answer");
    assert_arrived(&site, &response, BY_KERBEROS);
}

#[tokio::test]
async fn keytab_and_cache_prove_the_account() {
    let site = site(Site::Kerberos).await;
    let files: [fn(PathBuf) -> Credential; 2] = [Credential::Keytab, Credential::Cache];
    for (credential, path) in files.into_iter().zip([site.keytab().await, site.cache("svc.ccache").await]) {
        let before = site.connections();
        let response = post_form(&site, credential(path), Method::Negotiate).await.expect("an answer");
        assert_eq!(String::from_utf8_lossy(&response.body), format!("{BY_KERBEROS} greeting=a+b"));
        assert_eq!(site.connections(), before + 1);
    }
}

#[tokio::test]
async fn wrong_password_is_an_account_error() {
    let site = site(Site::Usual).await;
    let error = post_form(&site, password("wrong"), Method::Ntlm).await.expect_err("no answer");
    assert!(matches!(error, Error::Rejected { .. }) && error.is_account_error(), "{error}");
    assert!(!format!("{error} {error:?}").contains("wrong"), "{error:?}");
}

#[tokio::test]
async fn replaced_key_makes_the_old_password_invalid() {
    let site = site(Site::Kerberos).await;
    site.change_key().await;
    let error = post_form(&site, password(PASSWORD), Method::Negotiate).await.expect_err("no answer");
    assert!(error.is_account_error(), "{error}");
}

#[tokio::test]
async fn certificate_that_is_not_trusted_is_refused() {
    let site = site(Site::Tls).await;
    let error = post_form(&site, password(PASSWORD), Method::Ntlm).await.expect_err("no answer");
    assert!(!error.is_account_error(), "{error}: {} is in no store", site.certificate().display());
}
