#!/usr/bin/env bash
# Generates a TypeScript client of the OpenAPI document of the server at ASSAY_URL, compiles what uses it, and runs that with node.
# A field of a request that has a default may be left out, which openapi-typescript must be told.
set -euo pipefail
cd "$(dirname "$0")"
if ! cmp -s package-lock.json node_modules/.made-of; then
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2
  cp package-lock.json node_modules/.made-of
fi
mkdir -p made
npx --no-install openapi-typescript "$ASSAY_URL/openapi.json" --default-non-nullable false --output made/schema.ts >&2
npx --no-install tsc >&2
node made/check.js
