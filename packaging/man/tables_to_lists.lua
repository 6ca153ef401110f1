-- SPDX-License-Identifier: Apache-2.0
--
-- A filter for pandoc: tables, which a man page has no room for, become lists. The first cell of a row is what the others,
-- a paragraph each, tell of.
function Table(element)
    local items = {}
    for _, row in ipairs(pandoc.utils.to_simple_table(element).rows) do
        local told = {}
        for number = 2, #row do
            for _, block in ipairs(row[number]) do
                table.insert(told, pandoc.Para(block.content))
            end
        end
        table.insert(items, { row[1][1].content, { told } })
    end
    return pandoc.DefinitionList(items)
end
