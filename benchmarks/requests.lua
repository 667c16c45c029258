-- What wrk sends: one request again and again, for payments that are numbered one after the other.
-- wrk … -s requests.lua URL -- FIRST SIDE.lua, where SIDE.lua gives {method, path, body, headers, signed, again, every,
-- back}: the merchants' Authorization headers in `signed`; after how many requests the numbers begin again (0: never);
-- that one in `every` requests (0: none) repeats the one that was sent `back` requests before.
-- SERIAL stands for the number and LAIRES for the same from behind, in the path, the body and the other headers.

local first, side, count, headers

function init(args)
  first, side = tonumber(args[1]), dofile(args[2])
  count = 0
  headers = {}
  for i, authorization in ipairs(side.signed) do
    headers[i] = { ["Authorization"] = authorization, ["Content-Type"] = "application/json" }
  end
end

function request()
  local number = first + count
  if side.every > 0 and count >= side.back and count % side.every == side.every - 1 then
    number = number - side.back
  end
  local serial = string.format("%.0f", number)
  local words = { SERIAL = serial, LAIRES = string.reverse(serial) }
  local header = headers[number % #headers + 1]
  count = count + 1
  if count == side.again then count = 0 end
  for name, text in pairs(side.headers) do
    header[name] = string.gsub(text, "%u+", words)
  end
  return wrk.format(side.method, (string.gsub(side.path, "%u+", words)), header,
    side.body and (string.gsub(side.body, "%u+", words)))
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format('\nMEASURED {"requests": %d, "microseconds": %d, "refused": %d, "lost": %d, "p50": %d, "p99": %d}\n',
    summary.requests, summary.duration, errors.status, errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
