#!/bin/sh
# Compiles the console's stylesheet. Only who changes a style needs this, and
# npm; building, running and testing use the compiled file, which is committed.
#
#     npm install --prefix /tmp/styles govuk-frontend@6.6.0 sass@1.108.2
#     collector/console/styles/build.sh /tmp/styles
set -eu
modules=${1:?usage: build.sh FOLDER with node_modules/govuk-frontend and node_modules/sass in it}/node_modules
here=$(cd "$(dirname "$0")" && pwd)
out=$here/../static/safelight.css

version=$(sed -n 's/^ *"version": "\(.*\)",*$/\1/p' "$modules/govuk-frontend/package.json" | head -n 1)
{
	echo "/* Safelight console. Compiled by collector/console/styles/build.sh; do not edit."
	echo "   Form components: govuk-frontend $version, MIT; see styles/LICENCE-govuk-frontend.txt."
	(cd "$here" && sha256sum govuk.scss safelight.scss main.scss | sed 's/^/   /')
	echo "*/"
	"$modules/.bin/sass" --style=compressed --no-charset --no-source-map --quiet-deps \
		--load-path="$modules/govuk-frontend/dist" "$here/main.scss"
} >"$out.new"
mv "$out.new" "$out"
