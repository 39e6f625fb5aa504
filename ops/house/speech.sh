# shellcheck shell=bash
# What transcription needs beside the program: ONNX Runtime's library and Silero's voice detector. Both are published as
# Python packages; no Python runs them. Sourced by ops/run and ops/test after machine.sh.
#
# Fetched once, by version and SHA-256, into ${XDG_CACHE_HOME:-~/.cache}/cairn/speech, where `cairn` looks for them.

readonly ONNXRUNTIME=1.31.1
readonly SILERO=6.2.3

speech_folder() { printf '%s/speech' "$(cache_folder)"; }

need_pip() {
  python3 -m pip --version >/dev/null 2>&1 && return
  apt_install "ONNX Runtime and the voice detector are published as Python packages" python3-pip
  python3 -m pip --version >/dev/null 2>&1 || stop "Python's pip is installed, but 'python3 -m pip' does not start"
}

# has_digest SHA256 FILE
has_digest() { [ -f "$2" ] && printf '%s  %s\n' "$1" "$2" | sha256sum --check --status 2>/dev/null; }

# check_digest SHA256 FILE WHAT: stops at a file that is not the one that was published.
check_digest() {
  has_digest "$1" "$2" && return
  stop "$3 has the SHA-256 $(sha256sum "$2" 2>/dev/null | cut -d' ' -f1) instead of $1; it is not used. Fetch again; if it stays so, something between here and the package index changes files"
}

# fetch_wheel NAME VERSION SHA256 FOLDER OPTION…: downloads one package, with pip's own settings for where from, and
# prints its path.
fetch_wheel() {
  local name=$1 version=$2 digest=$3 folder=$4 wheel
  shift 4
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
    --dest "$folder" "$@" "$name==$version" </dev/null >&2 ||
    stop "pip could not download $name $version; is the network up?"
  wheel=$(find "$folder" -maxdepth 1 -name '*.whl' | head -n 1)
  check_digest "$digest" "$wheel" "the package $name $version"
  printf '%s\n' "$wheel"
}

# Names the wheel of this machine's processor: its platform, its SHA-256, and that of the library in it.
onnxruntime_wheel() {
  case $(uname -s)-$(uname -m) in
    Linux-x86_64) echo "manylinux_2_28_x86_64 \
      5752bd508126ae7c49894d3b9d2e83f0c3d487319246d04c444b393308d7ad7f \
      fc44112fbe06d7d689c57e11d3862031f64711007e4ee020f8eed5185fd2c1d3" ;;
    Linux-aarch64) echo "manylinux_2_28_aarch64 \
      da05378364c44d4407e463982d2bf8d5e4cfea873283757e48beeb41df97b7f3 \
      8aa3b76b28c778a2b1dd660d34161adb1d508c9ccd04ff9dc80e26eca5df8467" ;;
    *) return 1 ;;
  esac
}

# keep_parts FOLDER WHEEL MEMBER…: unpacks files of a wheel into a folder that appears all at once.
keep_parts() {
  local folder=$1 wheel=$2 made member
  shift 2
  made=$(mktemp -d "$folder.XXXXXX") || stop "no folder can be made beside $folder"
  python3 -m zipfile -e "$wheel" "$made/wheel" || stop "$wheel cannot be unpacked"
  for member in "$@"; do mv "$made/wheel/$member" "$made/" || stop "$member is not in $wheel"; done
  rm -rf "$made/wheel"
  chmod 755 "$made"
  rm -rf "$folder"
  # Another run may have been faster, which is as good.
  mv -T "$made" "$folder" 2>/dev/null || rm -rf "$made"
}

need_onnxruntime() {
  local platform wheel_digest library_digest folder library wheels wheel
  if [ -n "${ORT_DYLIB_PATH:-}" ]; then
    [ -f "$ORT_DYLIB_PATH" ] || stop "ORT_DYLIB_PATH names $ORT_DYLIB_PATH, which does not exist"
    return
  fi
  read -r platform wheel_digest library_digest < <(onnxruntime_wheel) ||
    stop "ONNX Runtime is fetched for Linux on x86-64 and arm64 only; on $(uname -s) $(uname -m), set ORT_DYLIB_PATH to a library of 1.24 or newer"
  folder=$(speech_folder)/onnxruntime
  library=$folder/libonnxruntime.so.$ONNXRUNTIME
  if ! has_digest "$library_digest" "$library"; then
    say "fetching ONNX Runtime $ONNXRUNTIME into $folder (transcription runs on it; 24 MB)"
    need_pip
    mkdir -p "${folder%/*}"
    wheels=$(mktemp -d "$folder.XXXXXX")
    wheel=$(fetch_wheel onnxruntime "$ONNXRUNTIME" "$wheel_digest" "$wheels" \
      --implementation cp --python-version 3.11 --abi cp311 --platform "$platform") || { rm -rf "$wheels"; exit 1; }
    keep_parts "$folder" "$wheel" "onnxruntime/capi/libonnxruntime.so.$ONNXRUNTIME" \
      onnxruntime/capi/libonnxruntime_providers_shared.so
    rm -rf "$wheels"
    check_digest "$library_digest" "$library" "ONNX Runtime's library"
  fi
  export ORT_DYLIB_PATH=$library
}

need_voice_detector() {
  local folder model wheels wheel
  local digest=9ccdacc4719d8aa7e45a77536bfabec45a03ba1f2fad5e241ab4060b24238a85
  if [ -n "${CAIRN_VAD_MODEL:-}" ]; then
    [ -f "$CAIRN_VAD_MODEL" ] || stop "CAIRN_VAD_MODEL names $CAIRN_VAD_MODEL, which does not exist"
    return
  fi
  folder=$(speech_folder)/silero-vad
  model=$folder/silero_vad_16k_sequence.onnx
  if ! has_digest "$digest" "$model"; then
    say "fetching Silero's voice detector $SILERO into $folder (it tells speech from noise; 11 MB)"
    need_pip
    mkdir -p "${folder%/*}"
    wheels=$(mktemp -d "$folder.XXXXXX")
    wheel=$(fetch_wheel silero-vad "$SILERO" \
      7b7f5436cfcb02fae583a05b512ea96467fd449fe54cb49a5e4f06c51a1e43b8 "$wheels" \
      --implementation py --python-version 3.11 --platform any) || { rm -rf "$wheels"; exit 1; }
    keep_parts "$folder" "$wheel" silero_vad/data/silero_vad_16k_sequence.onnx
    rm -rf "$wheels"
    check_digest "$digest" "$model" "the voice detector's model"
  fi
  export CAIRN_VAD_MODEL=$model
}

need_speech() {
  need_onnxruntime
  need_voice_detector
}
