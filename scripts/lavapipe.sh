#!/bin/bash
# Unpacks Mesa's lavapipe, a Vulkan driver for the CPU with shader-f16 and subgroups of 8, into a private folder. Needs
# Debian or Ubuntu with apt, but neither root nor anything installed: apt works on state of its own, every library the
# driver wants is unpacked beside it, and the installed system is left alone.
#
#   bash scripts/lavapipe.sh [folder, default .cache/lavapipe] && . .cache/lavapipe/env.sh
#
# Exit status 3: this system cannot have it (no apt, no network, Mesa too old).
set -euo pipefail

fail() {
  echo "lavapipe: $*" >&2
  exit 3
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
target=${1:-$root/.cache/lavapipe}
[ "$(uname -s)" = Linux ] || fail "only for Linux; this is $(uname -s)."
for tool in apt-get dpkg dpkg-deb; do
  command -v "$tool" >/dev/null || fail "$tool is missing. Outside Debian and Ubuntu, install your distribution's Mesa (24 or newer) and set VK_DRIVER_FILES to its lvp_icd.*.json."
done
mkdir -p "$target"
target=$(cd "$target" && pwd)

# One writer at a time; the second finds the work done.
exec 9>"$target/lock"
command -v flock >/dev/null && flock 9

if [ -f "$target/env.sh" ] && grep -qxF "# at $target" "$target/env.sh"; then
  echo "lavapipe: ready in $target"
  exit 0
fi

work=$target/work
rm -rf "$work" "$target/root" "$target/env.sh"
mkdir -p "$work"/lists/partial "$work"/cache/archives/partial "$work"/state
: >"$work/status" # an empty list of installed packages makes apt fetch all that the driver needs

apt=(apt-get -qq
  -o "Dir::State=$work/state" -o "Dir::State::lists=$work/lists" -o "Dir::State::status=$work/status"
  -o "Dir::Cache=$work/cache" -o APT::Sandbox::User=root -o Debug::NoLocking=1
  -o APT::Install-Recommends=false -o Acquire::Languages=none -o Acquire::Retries=3)

codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
from=()
if [ "$codename" = bookworm ]; then
  # Debian 12 itself has Mesa 22, whose lavapipe Dawn refuses; its backports have 25.
  mirror=$(awk '/^URIs:/ { print $2; exit } /^deb / { for (i = 2; i <= NF; i++) if ($i ~ /^http/) { print $i; exit } }' \
    /etc/apt/sources.list.d/*.sources /etc/apt/sources.list 2>/dev/null || true)
  mirror=${mirror:-http://deb.debian.org/debian}
  printf 'deb %s bookworm main\ndeb %s bookworm-backports main\n' "$mirror" "$mirror" >"$work/sources.list"
  apt+=(-o "Dir::Etc::sourcelist=$work/sources.list" -o Dir::Etc::sourceparts=-)
  from=(-t bookworm-backports)
fi

echo "lavapipe: fetching Mesa's CPU Vulkan driver into $target (about 70 MB, once)"
"${apt[@]}" update >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "apt cannot reach its package lists."; }
"${apt[@]}" install -y --download-only "${from[@]}" mesa-vulkan-drivers libvulkan1 >"$work/log" 2>&1 ||
  { cat "$work/log" >&2; fail "apt cannot fetch mesa-vulkan-drivers."; }

for package in "$work"/cache/archives/*.deb; do
  name=$(basename "$package")
  case ${name%%_*} in
    # What the running Node already uses must not be shadowed by another build; the rest is not needed to run a library.
    libc6 | libc-bin | libgcc-s1 | gcc-*-base | libstdc++6 | perl* | debconf | dpkg | tar | *-doc | *-common) ;;
    *) dpkg-deb -x "$package" "$target/root" ;;
  esac
done

driver=$(find "$target/root" -name libvulkan_lvp.so | head -1)
icd=$(find "$target/root" -name 'lvp_icd*.json' | head -1)
[ -n "$driver" ] && [ -n "$icd" ] || fail "mesa-vulkan-drivers holds no lavapipe here."
sed "s#\"library_path\": *\"[^\"]*\"#\"library_path\": \"$driver\"#" "$icd" >"$target/lvp_icd.json"

libraries=$(dirname "$driver")
base=$target/root/lib/$(basename "$libraries")
[ -d "$base" ] && libraries=$libraries:$base
if missing=$(LD_LIBRARY_PATH=$libraries ldd "$driver" | grep 'not found'); then
  fail "libraries are missing after unpacking:
$missing"
fi

rm -rf "$work"
cat >"$target/env.sh.part" <<END
# at $target
export VK_DRIVER_FILES='$target/lvp_icd.json'
export VK_ICD_FILENAMES="\$VK_DRIVER_FILES"
export LD_LIBRARY_PATH='$libraries'"\${LD_LIBRARY_PATH:+:\$LD_LIBRARY_PATH}"
export XDG_RUNTIME_DIR="\${XDG_RUNTIME_DIR:-/tmp}"
END
mv "$target/env.sh.part" "$target/env.sh"
echo "lavapipe: ready in $target"
