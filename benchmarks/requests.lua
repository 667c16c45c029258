-- What wrk sends: creates, gets and pays, for payments that are numbered one after the other.
-- wrk … -s requests.lua URL -- KIND FIRST SIDE.lua, where SIDE.lua gives {tokens, ids, known, create}: the merchants'
-- tokens, what payments' ids begin with, how many of them are known, and the body of a create with SERIAL in it.

local kind, first, side, count, headers

function init(args)
  kind, first = args[1], tonumber(args[2])
  side = dofile(args[3])
  count = 0
  headers = {}
  for i, token in ipairs(side.tokens) do
    headers[i] = { ["Authorization"] = "Bearer " .. token, ["Content-Type"] = "application/json" }
  end
end

function request()
  local number = first + count
  local serial = string.format("%.0f", number)
  local header = headers[number % #headers + 1]
  count = count + 1
  if kind == "get" then
    if count >= side.known then count = 0 end
    return wrk.format("GET", "/v2/payments/" .. side.ids .. serial, header)
  elseif kind == "pay" then
    return wrk.format("POST", "/v2/payments/simulations", header, '{"paymentSessionId":"' .. side.ids .. serial
      .. '","chargeStatus":"SUCCESS","bankReference":"BANK-' .. serial .. '"}')
  end
  -- Merchants' keys are chance, and land all over the index; references grow.
  header["X-REQUEST-ID"] = "request-" .. string.reverse(serial)
  return wrk.format("POST", "/v2/payments", header, (string.gsub(side.create, "SERIAL", serial)))
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format('\nMEASURED {"requests": %d, "microseconds": %d, "refused": %d, "lost": %d, "p50": %d, "p99": %d}\n',
    summary.requests, summary.duration, errors.status, errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
