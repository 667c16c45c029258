// Holds OpenAPI documents to Redocly's strict rules, and prints a line for each thing that is wrong.
import core from "@redocly/openapi-core"

// Whether an answer may have other members is each schema's own to say, and tests/api/test_openapi_documents.py holds
// every example to it; the linter would forbid also what an `if` does not name.
const examples = Object.fromEntries(
  ["media-type", "schema", "parameter"].map((of) => [
    `no-invalid-${of}-examples`,
    { severity: "error", allowAdditionalProperties: true },
  ]),
)
const config = await core.createConfig({ extends: ["recommended-strict"], rules: examples })
for (const ref of process.argv.slice(2)) {
  for (const { ruleId, message, location } of await core.lint({ ref, config })) {
    console.log(`${ref} ${location[0]?.pointer}: ${message.split("\n")[0]} (${ruleId})`)
  }
}
