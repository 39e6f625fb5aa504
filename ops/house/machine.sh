# shellcheck shell=bash
# What a machine needs before Cairn can be built or tested on it. Sourced by ops/run and ops/test.
#
# Everything here says what it installs and why, asks nothing, and does nothing where nothing is missing.
# Debian and Ubuntu are served by apt; elsewhere the sentence names what to install by hand.

# The oldest Rust that the workspace builds with; Cargo.toml says the same, and a test compares the two.
readonly CAIRN_RUST=1.95

say() { printf '%s\n' "$*"; }
stop() {
  printf '\n%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# A service may start a command without HOME; cargo and npm need one too.
if [ -z "${HOME:-}" ]; then
  HOME=$(getent passwd "$(id -u)" | cut -d: -f6)
  export HOME
fi

# Where everything that may be thrown away lives: cargo's target, npm's packages.
cache_folder() { printf '%s/cairn' "${XDG_CACHE_HOME:-$HOME/.cache}"; }

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

duration() { printf '%d min %02d s' $(($1 / 60)) $(($1 % 60)); }

# Two checkouts may run at once: cargo would let one start the other's binary, so each takes a folder of its own,
# kept by file descriptor 9 until release_target.
choose_target() {
  [ -z "${CARGO_TARGET_DIR:-}" ] || return 0
  local folder slot
  have flock || apt_install "two builds at once must not share a folder" util-linux
  folder=$(cache_folder)
  mkdir -p "$folder"
  for slot in "" .2 .3 .4; do
    exec 9>"$folder/target$slot.lock"
    if flock -n 9; then
      export CARGO_TARGET_DIR="$folder/target$slot"
      make_anew_what_is_of_another_checkout
      return
    fi
  done
  stop "four runs are under way already; set CARGO_TARGET_DIR to a folder of its own"
}

# Cargo takes what it built of a package for the same in another checkout, and tests would look for their files where
# that one lay. The dependencies are kept.
make_anew_what_is_of_another_checkout() {
  local of=$CARGO_TARGET_DIR/checkout name
  [ "$(cat "$of" 2>/dev/null)" != "$PWD" ] || return 0
  for name in $(sed -n 's/^name = "\(.*\)"/\1/p' ./*/Cargo.toml ./*/*/Cargo.toml | sort -u); do
    rm -rf "$CARGO_TARGET_DIR"/*/.fingerprint/"$name"-*
  done
  mkdir -p "$CARGO_TARGET_DIR"
  printf '%s' "$PWD" >"$of"
}

release_target() { exec 9>&-; }

apt_is_fresh=no
# apt_install WHY PACKAGE…: installs Debian packages.
apt_install() {
  local why=$1 log
  shift
  have apt-get || stop "missing: $* ($why). This machine has no apt; install it by hand and start again."
  [ "$(id -u)" -eq 0 ] || have sudo ||
    stop "missing: $* ($why). As root, run: apt-get install -y $*"
  say "installing $* ($why)"
  if [ "$apt_is_fresh" = no ]; then
    as_root apt-get update -qq </dev/null || stop "apt-get update failed; is the network up?"
    apt_is_fresh=yes
  fi
  log=$(mktemp)
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" \
    </dev/null >"$log" 2>&1 || { cat "$log" >&2 && stop "apt-get install $* failed; what it said stands above"; }
  rm -f "$log"
}

need_compiler() {
  { compiles && have make; } || apt_install "SQLite and the allocator are compiled into the program" gcc libc6-dev make
}

# A compiler alone is no proof: without the C library's headers it compiles nothing.
compiles() {
  have cc && printf '#include <stdio.h>\nint main(void) { return 0; }\n' | cc -x c -o /dev/null - >/dev/null 2>&1
}

# Rust itself is the one thing that has to be there; its version and parts are seen to.
need_rust() {
  if ! have cargo && [ -x "${CARGO_HOME:-${HOME:-}/.cargo}/bin/cargo" ]; then
    PATH=${CARGO_HOME:-$HOME/.cargo}/bin:$PATH
    export PATH
  fi
  have cargo || stop "no Rust toolchain; install one from https://rustup.rs and start again"
  local version
  version=$(rustc --version | cut -d' ' -f2)
  if [ "$(printf '%s\n%s\n' "$CAIRN_RUST" "$version" | sort -V | head -n1)" != "$CAIRN_RUST" ]; then
    have rustup || stop "Rust $version is too old; Cairn needs $CAIRN_RUST or newer"
    say "installing Rust $CAIRN_RUST beside $version (the workspace needs it)"
    rustup toolchain install "$CAIRN_RUST" --profile minimal --no-self-update </dev/null ||
      stop "rustup could not install Rust $CAIRN_RUST"
    export RUSTUP_TOOLCHAIN=$CAIRN_RUST
  fi
}

# need_rust_part COMMAND PART: rustfmt and clippy are missing from rustup's minimal profile.
need_rust_part() {
  cargo "$1" --version >/dev/null 2>&1 && return
  have rustup || stop "cargo $1 is missing; install the Rust component $2"
  say "installing the Rust component $2 (cargo $1 is one of the checks)"
  rustup component add "$2" </dev/null || stop "rustup could not add $2"
}

# build_release: builds the program with its dependencies and says how far it is: cargo's own bar on a terminal, a line
# now and then elsewhere. What the compiler has to say is passed on.
build_release() {
  local packages
  # Cargo.toml has the line tables stripped, for who installs by cargo alone; ship_release lays them beside the program.
  local -x CARGO_PROFILE_RELEASE_STRIP=none
  if [ -t 2 ]; then
    cargo build --locked --release --package api --bin cairn </dev/null
    return
  fi
  packages=$(cargo tree --locked --package api --edges normal,build --prefix none --no-dedupe --format '{p}' </dev/null 2>/dev/null |
    sort -u | wc -l)
  cargo build --locked --release --package api --bin cairn </dev/null 2>&1 >/dev/null | tell_progress "$packages"
}

# ship_release BUILT FOLDER: lays the program that people carry into FOLDER, and its debug information beside it as NAME.debug:
# a backtrace finds the lines of the source there (the GNU debug link, as distributions ship it), and a machine that does
# without them needs the program alone. Nothing is done where the folder has this build already.
ship_release() {
  local built=$1 name=${1##*/} folder=$2
  [ "$built" -nt "$folder/$name" ] || return 0
  have objcopy || apt_install "the program's debug information is laid beside it" binutils
  mkdir -p "$folder" &&
    objcopy --only-keep-debug --compress-debug-sections=zlib "$built" "$folder/$name.debug" &&
    chmod -x "$folder/$name.debug" &&
    objcopy --strip-debug --add-gnu-debuglink="$folder/$name.debug" "$built" "$folder/$name.new" &&
    mv -f "$folder/$name.new" "$folder/$name"
}

# tell_progress PACKAGES: reads what cargo prints and tells, every fifteen seconds, how many packages it has begun.
tell_progress() {
  local line begun=0 from=$SECONDS told=$SECONDS
  while IFS= read -r line; do
    case $line in
      *" Compiling "*) begun=$((begun + 1)) ;;
      *" Updating "* | *" Locking "* | *" Downloading "* | *" Downloaded "* | *" Finished "* | *" Blocking "*) continue ;;
      *) printf '%s\n' "$line" >&2 ;;
    esac
    if [ $((SECONDS - told)) -ge 15 ]; then
      told=$SECONDS
      say "  $begun of $1 packages, $(duration $((SECONDS - from)))"
    fi
  done
}

# Prints the folder of PostgreSQL's programs; Debian keeps the server's out of PATH, one folder a version.
find_postgres() {
  local folder
  for folder in $(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V -r) "$(dirname "$(command -v initdb || echo /)")"; do
    if [ -x "$folder/initdb" ] && [ -x "$folder/pg_ctl" ]; then
      say "$folder"
      return 0
    fi
  done
  return 1
}

need_postgres() {
  find_postgres >/dev/null && return
  # Debian starts a cluster of its own with the package; the tests never use it, so none is made.
  local switch=/etc/postgresql-common/createcluster.d/cairn-none.conf
  if [ -d /etc ] && have apt-get && { [ "$(id -u)" -eq 0 ] || have sudo; }; then
    as_root mkdir -p "${switch%/*}"
    say "create_main_cluster = false" | as_root tee "$switch" >/dev/null
  fi
  apt_install "the PostgreSQL adapter is tested against a real server" postgresql
  as_root rm -f "$switch"
  find_postgres >/dev/null || stop "PostgreSQL is installed, but initdb and pg_ctl were not found under /usr/lib/postgresql"
}

node_is_suitable() { have node && have npm && [ "$(node -p 'parseInt(process.versions.node)')" -ge 18 ]; }

need_node() {
  local own
  own=$(cache_folder)/node
  if [ -x "$own/node_modules/.bin/node" ]; then PATH=$own/node_modules/.bin:$PATH; fi
  node_is_suitable && return
  apt_install "the GraphQL-over-HTTP audit is a Node program" nodejs npm
  node_is_suitable && return
  # Ubuntu 22.04 still brings Node 12; npm can fetch a newer one, kept in the cache.
  say "installing Node 22 into $own (the audit needs 18 or newer, the system's is $(node --version))"
  mkdir -p "$own"
  npm install --silent --prefix "$own" node@22 </dev/null || stop "npm could not install Node 22"
  PATH=$own/node_modules/.bin:$PATH
  export PATH
  node_is_suitable || stop "no Node 18 or newer could be installed"
}
