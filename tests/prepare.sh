#!/bin/sh
# Puts in place what the tests need beside Cargo, and says each thing that it does. Does nothing where all is there.
set -eu
cd "$(dirname "$0")/.."

say() { echo "prepare: $*"; }

command -v cargo >/dev/null 2>&1 || {
    say "Rust is missing, and Debian 12's own is too old: install Rust 1.93 or newer by rustup (https://rustup.rs)" >&2
    exit 1
}

packages=""
need() { # need COMMAND PACKAGE
    command -v "$1" >/dev/null 2>&1 || packages="$packages $2"
}
need cc build-essential
need chromium chromium
need chromedriver chromium-driver
need strace strace
need node nodejs
need npm npm
need openssl openssl
# A Windows domain and a site that asks for its accounts: `tests/it/support/windows_domain.rs` starts them, each test its own.
need_file() { # need_file FILE PACKAGE
    [ -e "$1" ] || packages="$packages $2"
}
modules=/usr/lib/apache2/modules
need_file "$modules/mod_mpm_event.so" apache2-bin
need_file "$modules/mod_auth_gssapi.so" libapache2-mod-auth-gssapi
need_file /etc/gss/mech.d/mech.ntlmssp.conf gss-ntlmssp
need_file /usr/sbin/krb5kdc krb5-kdc
need_file /usr/sbin/kadmin.local krb5-admin-server
need_file /usr/bin/kinit krb5-user

if [ -n "$packages" ]; then
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
        say "these are missing and only root on Debian can install them here; run as root: apt-get install$packages" >&2
        exit 1
    fi
    say "installing Debian packages:$packages"
    export DEBIAN_FRONTEND=noninteractive
    # Debian starts a server as soon as it is installed. Nobody wants a KDC on this machine's own ports.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        say "no server is started on installation: $policy says so until this is done"
        trap 'rm -f "$policy"' EXIT
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
    fi
    apt-get update -qq </dev/null
    # shellcheck disable=SC2086 # one word for each package is what is wanted
    apt-get install -y -qq --no-install-recommends $packages </dev/null
    # Nor shall they serve when the machine starts anew.
    for service in krb5-kdc krb5-admin-server; do
        case " $packages " in
        *" $service "*) systemctl disable "$service" >/dev/null 2>&1 || true ;;
        esac
    done
fi

for manifest in crates/*/tests/peers/*/package.json tests/peers/*/package.json tests/browser/package.json; do
    [ -e "$manifest" ] || continue
    directory=$(dirname "$manifest")
    # Our mark; a lock file that is newer asks for something else than what is installed.
    installed="$directory/node_modules/.prepared"
    if [ -e "$installed" ] && [ ! "$directory/package-lock.json" -nt "$installed" ]; then
        continue
    fi
    say "installing the Node packages of $directory"
    (cd "$directory" && npm ci --no-audit --no-fund --loglevel=error </dev/null)
    mkdir -p "$directory/node_modules"
    touch "$installed"
done
