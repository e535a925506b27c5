-- A bar is 'B' and, for each writer that holds it, the writer's token (8 bytes) and its deadline
-- (Unix ms, 13 digits).
local ENTRY = 21

-- The entries of a bar that stand, without those of a writer.
local function standing(bar, now, without)
  local left = {}
  for at = 2, #bar, ENTRY do
    local entry = string.sub(bar, at, at + ENTRY - 1)
    if string.sub(entry, 1, 8) ~= without and tonumber(string.sub(entry, 9)) > now then
      left[#left + 1] = entry
    end
  end
  return table.concat(left)
end

local function is_bar(held)
  return held and string.byte(held) == 66
end

local function now_ms()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
