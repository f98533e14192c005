"""Prompts in the published forms, and sound functions that would mislead a count of braces."""

from __future__ import annotations

from pipeline.records import TruncationRule

FUNCTION = ("cpp", "go", "javascript", "kotlin", "perl", "php", "ruby", "scala", "swift")
RULES = {
    **{name: TruncationRule(name, "function") for name in (*FUNCTION, "typescript")},
    "csharp": TruncationRule("c_sharp", "function"),
    "java": TruncationRule("java", "outermost"),
    "python": TruncationRule("python", "margin"),
    "none": TruncationRule(),
}
# In the forms that the published prompts have.
PROMPTS = {
    "python": 'import math\n\n\ndef f(x):\n    """Does.\n    >>> f(1)\n    2\n    """\n',
    "java": "import java.util.*;\n\nclass F {\n    /** Does. } */\n    static int f(int x) {\n",
    "javascript": "/**\n * Does.\n */\nfunction f(x) {\n",
    "typescript": "/**\n * Does {.\n */\nconst f = function (x: Array<number>) : number  {\n",
    "kotlin": "/**\n * Does.\n */\nfun f(x : List<Int>) : Map<String, Int> {\n",
    "ruby": "\n##\n# Does.\n# irb> f(1)\n# => 2\ndef f(x)",
    "php": "<?php\n\n/**\n * Does.\n */\nfunction f($x){\n",
    "cpp": "#include <bits/stdc++.h>\nusing namespace std;\n\n/* A */\nint f(vector<int> x) {\n",
    "csharp": "using System;\n\nnamespace Solution\n{\n    public class Program\n    {\n"
    "        /// <summary> \n        /// Does { .\n        /// </summary>\n"
    "        public static int F (int x) \n        {",
    "go": 'package main\n\nimport (\n\t"reflect"\n)\n// Does.\nfunc f (x []interface{}) int {\n',
    "perl": "\n# Does {.\nsub f\n{\n  my ($x) = @_;\n",
    "scala": "object Main extends App {\n    /**\n     * Does.\n     */\n"
    "    def f(x : List[Int]) : Int = {\n",
    "swift": "/**\n * Does.\n */\nfunc f(x : [Int]) -> [String: Int] {\n",
    "none": "anything",
}
BODIES = {
    "python": ["    return x"],
    "java": [
        "        return x;\n    }\n}",
        '        String s = "}";\n        return 1; // }\n    }\n}',
        "        char c = '}'; /* } */\n        return c;\n    }\n}",
        "        return g(x);\n    }\n\n    static int g(int x) {\n        return x;\n    }\n}",
        "        return new int[] {1, 2}[x];\n    }}",
    ],
    "javascript": [
        "  return x;\n}",
        "  return `}${x ? `${'}'}` : {}}`;\n}",
        "  return /[}]/.test('}') ? {a: 1} : {}; // }\n}",
        "  const g = (y) => { return y; };\n  return g(x);\n}",
    ],
    "typescript": [
        "  return x;\n}",
        "  return x.map((y: number): number => { return y; });\n};",
        "  const m: {[k: string]: number} = {'}': 1};\n  return `}${m['}']}`; // }\n}",
        "  type T = {a: number};\n  return <any>{a: /}/};\n}",
    ],
    "kotlin": [
        "    return mapOf()\n}",
        '    return x.map { "${it}}" to it }.toMap() // }\n}',
        '    val s = """}\n}"""\n    return if (x.any { it > 0 }) mapOf(s to 1) else mapOf()\n}',
        "    when (x.size) { 0 -> return mapOf() else -> { } }\n"
        "    return mapOf('}'.toString() to 1)\n}",
    ],
    "ruby": [
        "\n  return x\n\nend",
        "  return x\nend",
        "\n  x.each do |y|\n    puts y if y\n  end\n  # the end\n  x.map { |y| y }\nend",
        '\n  s = "end #{x ? "end" : :end} end"\n  return s unless s.end_with?("end")\n  s\nend',
        "\n  while x > 1 do x -= 1 end\n  if x then 1 else 2 end\nend",
        "\n  case x\n  when 1 then :end\n  else begin; 2; end\n  end\nend",
        "\n=begin\nend\n=end\n  <<~TEXT\n    end\n  TEXT\nend",
    ],
    "php": [
        "    return $x;\n}",
        "    return \"{$x[0]}} ${x}\" . '}'; // }\n}",
        "    return array_map(function ($y) use ($x) { return $y; }, $x);\n}",
        "    $s = <<<EOT\n}\n{$x}\nEOT;\n    return $s;\n}",
        "    foreach ($x as $y) { ?> } <?php }\n}",
    ],
    "cpp": [
        "    return x[0];\n}",
        "    auto g = [&](int y) { return y; };\n    return g('}') + string(\"}\").size(); // }\n}",
        "    vector<int> y{1, 2};\n    for (int z : y) { x.push_back(z); }\n    return 1;\n}",
        '    return string(R"(}{)").size();\n}',
    ],
    "csharp": [
        "\n            return x;\n        }",
        '\n            return $"}}{x}".Length + "}".Length + @"}\n}".Length; // }\n        }',
        "\n            Func<int, int> g = y => { return y; };\n"
        "            return g('}');\n        }",
        "\n            var l = new List<int> {1, 2};\n"
        "            foreach (var y in l) { x += y; }\n"
        "            return x;\n        }",
    ],
    "go": [
        "\treturn x[0]\n}",
        '\tm := map[string]int{"}": 1, `}`: \'}\'}\n\tfor range m {\n\t}\n\treturn m["}"] // }\n}',
        "\tg := func(y interface{}) int { return 1 }\n\tswitch x := x[0].(type) {\n"
        "\tcase int:\n\t\treturn g(x)\n\t}\n\treturn 0\n}",
    ],
    "perl": [
        "    return $x;\n}",
        "    my %h = ('}' => 1);\n    return @{$x}[0] + $h{'}'} + $#{$x} + ${$x}[0]; # }\n}",
        '    if ($x =~ m/^\\d{1,2}}?$/) { return "@{[ map { $_ } @$x ]}}"; }\n    return 1\n}',
        "    $x =~ s/[{]//g;\n    $x =~ tr/}/{/;\n    return scalar(grep { $_ } @$x);\n}",
        "    my @s = sort { $a <=> $b } @{ $x };\n    return \\@s;\n}",
    ],
    "scala": [
        "        x.head\n    }",
        '        val s = s"}${x.map { y => y }}"\n        s.length // }\n    }',
        "        x match {\n            case Nil => '}'\n            case h :: _ => h\n"
        "        }\n    }",
        '        def g(y : Int) : Int = { y }\n        g("""}""".length)\n    }',
    ],
    "swift": [
        "    return [:]\n}",
        '    let s = "}\\(x.map { $0 })}"\n    return [s: 1] // }\n}',
        "    guard let y = x.first else { return [:] }\n    switch y { case 1: break\n"
        "    default: break }\n    return x.reduce(into: [:]) { $0[String($1)] = 1 }\n}",
        '    return ["""\n    }\n    """: 1]\n}',
    ],
}
