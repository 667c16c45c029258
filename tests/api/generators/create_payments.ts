// Creates a payment in each dialect with clients whose types were generated from the contracts, and prints both numbers.
import createClient from "openapi-fetch"
import type { paths as Sessions } from "./v2_sessions.d.ts"
import type { paths as Documents } from "./v4_documents.d.ts"

declare const process: { argv: [string, string, string, string, string, string, string] }
const [, , baseUrl, merchant, merchantSecret, key, secret] = process.argv

const sessions = createClient<Sessions>({ baseUrl })
const { data: access } = await sessions.POST("/v1/access-token", {
  body: { grantType: "client_credentials" },
  headers: { "X-MERCHANT-ID": merchant, "X-MERCHANT-SECRET": merchantSecret },
})
const { data: session, error } = await sessions.POST("/v2/payments", {
  body: {
    clientReferenceId: "typescript-v2",
    amount: { value: 20000, currency: "IDR" },
    mode: "API",
    paymentMethod: { type: "VIRTUAL_ACCOUNT" },
    paymentMethodOptions: { virtualAccount: { channel: "BCA", virtualAccountName: "Budi" } },
    metadata: { cart: 7 },
  },
  headers: { Authorization: `Bearer ${access?.data.accessToken}` },
})
if (error) throw new Error(error.message)
const number: string | undefined = session.data.chargeDetails?.[0]?.virtualAccount?.virtualAccountNumber
console.log(session.data.id, number)

const documents = createClient<Documents>({ baseUrl, headers: { Authorization: `Basic ${btoa(`${key}:${secret}`)}` } })
const { data: payment, error: errors } = await documents.POST("/api/v4/payments", {
  body: {
    data: {
      attributes: {
        paymentMethodType: "virtual_bank_account",
        amount: 20000,
        referenceId: "typescript-v4",
        paymentMethodOptions: { bankShortCode: "BCA", displayName: "Budi" },
      },
    },
  },
})
if (errors) throw new Error(errors.errors[0]?.detail)
const { attributes } = payment.data
console.log(payment.data.id, attributes.amount, attributes.paymentMethod)
