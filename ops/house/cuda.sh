# shellcheck shell=bash
# What transcription needs on a card, for `ops/run --cuda`: ONNX Runtime built for CUDA, and NVIDIA's CUDA 13 and cuDNN 9,
# all from their published Python packages (1.2 GB to fetch, 1.6 GB in the cache). The driver is the machine's own affair;
# CUDA 13 wants 580 or newer. Sourced after speech.sh, whose functions it uses.
#
# Everything lies in one folder, ${XDG_CACHE_HOME:-~/.cache}/cairn/speech/onnxruntime-cuda: where `cairn` looks first, and
# loads the libraries beside ONNX Runtime's before those of the system.

# NAME VERSION SHA-256 PLATFORM MEMBER…, a package a line. The versions are the oldest that ONNX Runtime's own extras allow
# (CUDA 13.0), so that the oldest drivers for CUDA 13 do.
cuda_packages() {
  cat <<EOF
nvidia-cuda-runtime 13.0.96 7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548 manylinux2014_x86_64 nvidia/cu13/lib/libcudart.so.13
nvidia-cublas 13.0.2.14 0cf238ffdbe46c00cb9aa98e7bca745c223a5ca5a53e686ac8b3e5a08fe80d6c manylinux_2_27_x86_64 nvidia/cu13/lib/libcublas.so.13 nvidia/cu13/lib/libcublasLt.so.13
nvidia-curand 10.4.0.35 1aee33a5da6e1db083fe2b90082def8915f30f3248d5896bcec36a579d941bfc manylinux_2_27_x86_64 nvidia/cu13/lib/libcurand.so.10
nvidia-cuda-nvrtc 13.0.88 ad9b6d2ead2435f11cbb6868809d2adeeee302e9bb94bcf0539c7a40d80e8575 manylinux2010_x86_64 nvidia/cu13/lib/libnvrtc.so.13 nvidia/cu13/lib/libnvrtc-builtins.so.13.0
nvidia-cudnn-cu13 9.14.0.64 024ce8f7571d322991ecadbe82907df2e89b5f36597d03436413ec6dd7c9fe54 manylinux_2_27_x86_64 $(printf 'nvidia/cudnn/lib/libcudnn%s.so.9 ' "" _graph _ops _heuristic _adv _cnn _engines_precompiled _engines_runtime_compiled)
EOF
}

# unpack_package FOLDER NAME VERSION SHA256 PLATFORM MEMBER…: adds files of one package to a folder.
unpack_package() {
  local folder=$1 name=$2 version=$3 digest=$4 platform=$5 wheels wheel member
  shift 5
  say "  $name $version"
  wheels=$(mktemp -d "$folder/wheel.XXXXXX") || stop "no folder can be made in $folder"
  wheel=$(fetch_wheel "$name" "$version" "$digest" "$wheels" \
    --implementation cp --python-version 3.11 --abi cp311 --abi none --platform "$platform") || return 1
  python3 -m zipfile -e "$wheel" "$wheels/in" || stop "$wheel cannot be unpacked"
  for member in "$@"; do mv "$wheels/in/$member" "$folder/" || stop "$member is not in $wheel"; done
  rm -rf "$wheels"
}

# In a subshell of its own: it cleans up when that ends.
need_cuda() {
  local folder made name version digest platform members
  folder=$(speech_folder)/onnxruntime-cuda
  if [ ! -f "$folder/libonnxruntime.so.$ONNXRUNTIME" ]; then
    [ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] ||
      stop "the libraries for cards are fetched for Linux on x86-64 only; elsewhere set ORT_DYLIB_PATH to an ONNX Runtime built for CUDA"
    say "fetching ONNX Runtime $ONNXRUNTIME for cards, CUDA 13 and cuDNN 9 into $folder (1.2 GB)"
    need_pip
    mkdir -p "${folder%/*}"
    made=$(mktemp -d "$folder.XXXXXX") || stop "no folder can be made beside $folder"
    # Half of it would be a gigabyte that nobody looks at again.
    # shellcheck disable=SC2064 # the folder of now
    trap "rm -rf '$made'" EXIT
    unpack_package "$made" onnxruntime-gpu "$ONNXRUNTIME" \
      e26c475fe361b2015f45b4b824bd13f0bb20204e59b62814e6f0acd5f3d491a6 manylinux_2_28_x86_64 \
      "onnxruntime/capi/libonnxruntime.so.$ONNXRUNTIME" onnxruntime/capi/libonnxruntime_providers_cuda.so \
      onnxruntime/capi/libonnxruntime_providers_shared.so || exit 1
    while read -r name version digest platform members; do
      # shellcheck disable=SC2086 # a list of members
      unpack_package "$made" "$name" "$version" "$digest" "$platform" $members || exit 1
    done < <(cuda_packages)
    chmod 755 "$made"
    rm -rf "$folder"
    mv -T "$made" "$folder" 2>/dev/null
  fi
  [ -e /dev/nvidia0 ] || say "there is no NVIDIA card in this machine; 'cairn transcribe --device cuda' will refuse to start"
  export ORT_DYLIB_PATH=$folder/libonnxruntime.so.$ONNXRUNTIME
}
