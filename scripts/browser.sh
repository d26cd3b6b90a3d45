#!/bin/sh
# The suite looks at the page in a real browser. Where none is there and Debian's packages can be
# installed (root, apt-get), get one; elsewhere the browser test says why it is skipped.
for name in chromium chromium-browser google-chrome; do
  command -v "$name" >/dev/null 2>&1 && exit 0
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends chromium fonts-noto-cjk >/dev/null \
    || echo "could not install chromium; the browser test will be skipped"
fi
exit 0
