// SPDX-License-Identifier: GPL-3.0-or-later

#include "Population.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <random>
#include <string_view>

namespace OrthancClinic::Benchmark
{
namespace
{
// By falling frequency; the first are those of Quebec's civil register, then names of other origins.
constexpr std::string_view FAMILIES[] = {
    "Tremblay",   "Gagnon",      "Roy",           "Côté",         "Bouchard",     "Gauthier",   "Morin",
    "Lavoie",     "Fortin",      "Gagné",         "Ouellet",      "Pelletier",    "Bélanger",   "Lévesque",
    "Bergeron",   "Leblanc",     "Paquette",      "Girard",       "Simard",       "Boucher",    "Caron",
    "Beaulieu",   "Cloutier",    "Dubé",          "Poirier",      "Fournier",     "Lapointe",   "Leclerc",
    "Lefebvre",   "Poulin",      "Thibault",      "St-Pierre",    "Nadeau",       "Martin",     "Landry",
    "Martel",     "Bédard",      "Grenier",       "Lessard",      "Bernier",      "Richard",    "Michaud",
    "Hébert",     "Desjardins",  "Couture",       "Turcotte",     "Lachance",     "Parent",     "Blais",
    "Gosselin",   "Savard",      "Proulx",        "Beaudoin",     "Demers",       "Perreault",  "Boudreau",
    "Lemieux",    "Cyr",         "Perron",        "Dufour",       "Dion",         "Mercier",    "Bolduc",
    "Bérubé",     "Boisvert",    "Langlois",      "Ménard",       "Therrien",     "Plante",     "Bilodeau",
    "Blanchette", "Dubois",      "Champagne",     "Paradis",      "Fontaine",     "Arsenault",  "Dupuis",
    "Gaudreault", "Hamel",       "Houle",         "Villeneuve",   "Rousseau",     "Gravel",     "Thériault",
    "Lemay",      "Robert",      "Allard",        "Deschênes",    "Giroux",       "Guay",       "Leduc",
    "Boivin",     "Charbonneau", "Lambert",       "Raymond",      "Vachon",       "Gilbert",    "Audet",
    "Jean",       "Larouche",    "Legault",       "Trudel",       "Fontaine",     "Picard",     "Labelle",
    "Lacroix",    "Jacques",     "Moreau",        "Carrier",      "Bernard",      "Desrosiers", "Goulet",
    "Renaud",     "Dionne",      "Lapierre",      "Vaillancourt", "Fillion",      "Lalonde",    "Tessier",
    "Bertrand",   "Tardif",      "Lepage",        "Gingras",      "Benoît",       "Rioux",      "Giguère",
    "Drouin",     "Harvey",      "Lauzon",        "Nguyen",       "Gendron",      "Boutin",     "Laflamme",
    "Vallée",     "Dumont",      "Breton",        "Paré",         "Paquin",       "Robitaille", "Gélinas",
    "Duchesne",   "Lussier",     "Séguin",        "Veilleux",     "Potvin",       "Gervais",    "Pépin",
    "Laroche",    "Morissette",  "Charron",       "Lavallée",     "Laplante",     "Chabot",     "Brunet",
    "Vézina",     "Desrochers",  "Labrecque",     "Coulombe",     "Tanguay",      "Chouinard",  "Noël",
    "Pouliot",    "Lacasse",     "Daigle",        "Marcoux",      "Lamontagne",   "Turgeon",    "Larocque",
    "Roberge",    "Auger",       "Masson",        "Pilon",        "Racine",       "Dallaire",   "Émond",
    "Grégoire",   "Smith",       "Tran",          "Singh",        "Patel",        "Khan",       "Chen",
    "Wang",       "Li",          "Khoury",        "Haddad",       "Nasr",         "Ben Salah",  "El Amrani",
    "Diallo",     "Traoré",      "Jean-Baptiste", "Pierre-Louis", "Garcia",       "Rodriguez",  "Hernández",
    "Lopez",      "Silva",       "Rossi",         "Russo",        "Papadopoulos", "Cohen",      "Kim",
    "Park",       "Kowalski",    "Ivanov",        "Brown",        "Campbell",     "MacDonald",  "O'Connor",
    "McGill",     "Taylor",      "Wilson",        "Johnson",      "Williams",     "Pham",       "Le",
    "Hoang",      "Zhang",       "Liu",           "Huang",        "Wu",           "Bouzid",     "Belkacem"};

constexpr std::string_view MEN[] = {
    "Jean",           "Michel",    "Pierre",  "André",         "Daniel",        "Robert",     "Claude",
    "Marc",           "François",  "Alain",   "Jacques",       "Sylvain",       "Martin",     "Éric",
    "Patrick",        "Stéphane",  "Richard", "Luc",           "Gilles",        "Serge",      "Denis",
    "Yves",           "Louis",     "Mario",   "Benoît",        "Normand",       "Guy",        "David",
    "Alexandre",      "Mathieu",   "Maxime",  "Simon",         "Gabriel",       "Samuel",     "William",
    "Olivier",        "Thomas",    "Nicolas", "Félix",         "Antoine",       "Étienne",    "Vincent",
    "Jonathan",       "Sébastien", "Francis", "Jean-François", "Jean-Philippe", "Marc-André", "Pierre-Luc",
    "Jean-Sébastien", "Raphaël",   "Léo",     "Nathan",        "Liam",          "Noah",       "Jacob",
    "Mohamed",        "Ahmed",     "Wei",     "Carlos",        "José",          "Xavier",     "Charles",
    "Hugo",           "Rémi",      "Yvon",    "Réjean",        "Gaétan",        "Roger",      "Marcel",
    "Paul",           "Réal",      "Donald",  "Bruno",         "Christian",     "Dominic",    "Guillaume",
    "Philippe",       "Frédéric",  "Kevin",   "Steve",         "John",          "James",      "Michael",
    "Peter",          "Minh",      "Ali",     "Omar",          "Youssef"};

constexpr std::string_view WOMEN[] = {
    "Marie",      "Louise",       "Lise",         "Diane",     "Sylvie",       "Nathalie",    "Johanne",
    "France",     "Nicole",       "Isabelle",     "Julie",     "Chantal",      "Hélène",      "Monique",
    "Suzanne",    "Ginette",      "Line",         "Manon",     "Josée",        "Annie",       "Caroline",
    "Martine",    "Linda",        "Francine",     "Danielle",  "Mélanie",      "Stéphanie",   "Sophie",
    "Karine",     "Geneviève",    "Valérie",      "Catherine", "Véronique",    "Audrey",      "Émilie",
    "Jessica",    "Camille",      "Léa",          "Florence",  "Rosalie",      "Alice",       "Emma",
    "Olivia",     "Charlotte",    "Zoé",          "Marie-Ève", "Marie-Claude", "Marie-Josée", "Anne-Marie",
    "Marie-Pier", "Marie-France", "Marie-Hélène", "Élise",     "Laurence",     "Noémie",      "Gabrielle",
    "Sarah",      "Amélie",       "Maude",        "Vanessa",   "Claudia",      "Fatima",      "Amina",
    "Mei",        "Maria",        "Carmen",       "Lucie",     "Thérèse",      "Jeannine",    "Huguette",
    "Pierrette",  "Denise",       "Colette",      "Rita",      "Claire",       "Michelle",    "Sandra",
    "Nancy",      "Brigitte",     "Christine",    "Guylaine",  "Jocelyne",     "Elizabeth",   "Susan",
    "Jennifer",   "Linh",         "Leila",        "Nadia"};

constexpr std::string_view STREETS[] = {"rue Principale",  "rue Saint-Denis",
                                        "avenue du Parc",  "boulevard Laurier",
                                        "rue Sherbrooke",  "chemin Sainte-Foy",
                                        "rue des Érables", "avenue Cartier",
                                        "rue Notre-Dame",  "boulevard Saint-Laurent",
                                        "rue de l'Église", "rue Saint-Joseph",
                                        "montée Masson",   "rang Saint-Charles",
                                        "rue Wellington",  "avenue des Pins",
                                        "rue King",        "rue Ontario",
                                        "rue Beaubien",    "rue Rachel"};

constexpr std::string_view CITIES[] = {"Montréal",       "Québec",        "Laval",        "Gatineau",
                                       "Longueuil",      "Sherbrooke",    "Saguenay",     "Lévis",
                                       "Trois-Rivières", "Terrebonne",    "Saint-Jérôme", "Repentigny",
                                       "Brossard",       "Drummondville", "Granby"};

class Generator
{
public:
  explicit Generator(uint64_t seed) : random_(seed) {}

  Population Make(size_t size, size_t queries)
  {
    Population population;
    while (population.directory.size() < size)
    {
      MakeHousehold(population.directory, size);
    }
    for (size_t i = 0; i < queries; i++)
    {
      population.queries.push_back(MakeQuery(population.directory));
    }
    return population;
  }

private:
  // std::uniform_*_distribution differ between standard libraries.
  uint64_t Below(uint64_t limit) { return random_() % limit; }
  bool Chance(double probability) { return static_cast<double>(random_() >> 11) * 0x1p-53 < probability; }

  template <size_t Count>
  std::string Pick(const std::string_view (&list)[Count])
  {
    return std::string(list[Below(Count)]);
  }

  // Zipf-like over the list.
  template <size_t Count>
  std::string PickSkewed(const std::string_view (&list)[Count], double flatness)
  {
    const double u = static_cast<double>(random_() >> 11) * 0x1p-53;
    const double n = static_cast<double>(Count);
    const double rank = flatness * (std::pow((n + flatness) / flatness, u) - 1);
    return std::string(list[std::min(Count - 1, static_cast<size_t>(rank))]);
  }

  // The long tail: about half of the people have a name that is not among the most frequent.
  std::string Family()
  {
    if (Chance(0.62))
    {
      return PickSkewed(FAMILIES, 30);
    }
    static constexpr std::string_view STARTS[] = {
        "Bel", "Char", "Des", "Gau", "La", "Mar", "Mon", "Per", "Ro",  "Sau", "Ta", "Va", "Bou",
        "Cha", "Du",   "Fa",  "Gi",  "Ha", "Le",  "Mo",  "Na",  "Pa",  "Qui", "Ri", "Sa", "Tru",
        "Vi",  "Zam",  "Kal", "Ben", "Ab", "Nov", "Sch", "Mul", "Fer", "San", "Ol", "Er"};
    static constexpr std::string_view MIDDLES[] = {"ve", "ti", "ri",  "lo", "na", "bo", "che",
                                                   "do", "fi", "gue", "le", "mi", "ni", "pe",
                                                   "ra", "se", "tau", "vi", "za", "ko"};
    static constexpr std::string_view ENDS[] = {"ard", "eau", "et", "ier", "in",  "ois", "on",
                                                "ot",  "oux", "y",  "ac",  "al",  "ane", "el",
                                                "ert", "ez",  "i",  "ov",  "ski", "sen"};
    return Pick(STARTS) + Pick(MIDDLES) + (Chance(0.5) ? Pick(MIDDLES) : "") + Pick(ENDS);
  }

  std::string Given(bool man)
  {
    std::string name = man ? PickSkewed(MEN, 25) : PickSkewed(WOMEN, 25);
    if (Chance(0.07) && name.find('-') == std::string::npos)
    {
      name += "-" + (man ? Pick(MEN) : Pick(WOMEN));
    }
    return name;
  }

  std::string BirthDate(int year)
  {
    if (Chance(0.004))
    {
      return fmt::format("{:04}0101", year);  // a placeholder
    }
    return fmt::format("{:04}{:02}{:02}", year, 1 + Below(12), 1 + Below(28));
  }

  Person MakePerson(const Person& home, const std::string& family, bool man, int year)
  {
    Person person = home;
    person.id = fmt::format("c{:08x}", ++serial_);
    person.identifier = fmt::format("{}", 100'000 + serial_ * 7);
    person.family = family;
    person.given = Given(man);
    person.sex = man ? "M" : "F";
    person.birthDate = BirthDate(year);
    if (Chance(0.4))
    {
      person.phone = Phone();
    }
    person.email = Chance(0.5) ? fmt::format("{}{}@example.com", serial_, Below(1000)) : "";
    return person;
  }

  std::string Phone()
  {
    return fmt::format("{}-{:03}-{:04}", Chance(0.5) ? 514 : 418, 200 + Below(800), Below(10000));
  }

  void MakeHousehold(std::vector<Person>& people, size_t limit)
  {
    Person home;
    home.address = fmt::format("{} {}", 1 + Below(9999), Pick(STREETS));
    home.city = PickSkewed(CITIES, 4);
    static constexpr std::string_view LETTERS = "ABCEGHJKLMNPRSTVXY";
    home.postalCode =
        fmt::format("{}{}{} {}{}{}", Chance(0.5) ? 'H' : 'G', 1 + Below(9), LETTERS[Below(LETTERS.size())],
                    1 + Below(9), LETTERS[Below(LETTERS.size())], 1 + Below(9));
    home.phone = Phone();
    const auto add = [&](Person person)
    {
      if (people.size() < limit)
      {
        people.push_back(std::move(person));
      }
    };

    const std::string family = Family();
    const int year = 1935 + static_cast<int>(Below(70));
    const Person father = MakePerson(home, family, true, year);
    add(father);
    if (Chance(0.6))
    {
      add(MakePerson(home, Chance(0.25) ? family : Family(), false, year - 3 + static_cast<int>(Below(8))));
    }
    const uint64_t children = Below(3);
    for (uint64_t i = 0; i < children; i++)
    {
      Person child = MakePerson(home, family, Chance(0.5), year + 24 + static_cast<int>(Below(12)));
      if (child.sex == "M" && Chance(0.02))
      {
        child.given = father.given;  // a son of the father's name
      }
      add(child);
      if (Chance(0.015))
      {
        Person twin = MakePerson(home, family, Chance(0.5), 2000);
        twin.birthDate = child.birthDate;
        add(twin);
      }
    }
  }

  std::string WithTypo(const std::string& text)
  {
    if (text.size() < 3)
    {
      return text;
    }
    std::string result = text;
    const size_t at = 1 + Below(text.size() - 2);
    if ((static_cast<unsigned char>(result[at]) & 0x80) != 0 ||
        (static_cast<unsigned char>(result[at + 1]) & 0x80) != 0)
    {
      return result;  // never half a character
    }
    const char letter = static_cast<char>('a' + Below(26));
    switch (Below(4))
    {
      case 0:
        result[at] = letter;
        break;
      case 1:
        result.erase(at, 1);
        break;
      case 2:
        result.insert(at, 1, letter);
        break;
      default:
        std::swap(result[at], result[at + 1]);
        break;
    }
    return result;
  }

  static std::string WithoutAccents(const std::string& text)
  {
    static constexpr std::pair<std::string_view, char> ACCENTS[] = {
        {"é", 'e'}, {"è", 'e'}, {"ê", 'e'}, {"É", 'E'}, {"ô", 'o'}, {"î", 'i'},
        {"ï", 'i'}, {"ë", 'e'}, {"ç", 'c'}, {"á", 'a'}, {"Î", 'I'}, {"û", 'u'}};
    std::string result = text;
    for (const auto& [accented, plain] : ACCENTS)
    {
      for (size_t at; (at = result.find(accented)) != std::string::npos;)
      {
        result.replace(at, accented.size(), 1, plain);
      }
    }
    return result;
  }

  static std::string Upper(std::string text)
  {
    for (char& c : text)
    {
      c = (c >= 'a' && c <= 'z') ? static_cast<char>(c - 'a' + 'A') : c;
    }
    return text;
  }

  // How a modality would have it: errors as technicians make them.
  void Spoil(Person& person)
  {
    if (Chance(0.6))
    {
      person.family = Upper(WithoutAccents(person.family));
      person.given = Upper(WithoutAccents(person.given));
    }
    if (Chance(0.05))
    {
      person.family = WithTypo(person.family);
    }
    if (Chance(0.05))
    {
      person.given = WithTypo(person.given);
    }
    if (Chance(0.01))
    {
      std::swap(person.family, person.given);
    }
    if (Chance(0.02))
    {
      person.given = person.given.substr(0, person.given.find('-'));
    }
    if (Chance(0.01))
    {
      person.given = person.given.substr(0, 1);
    }
    if (person.sex == "F" && Chance(0.02))
    {
      person.family = Chance(0.5) ? Family() : person.family + "-" + Family();  // married
    }
    if (Chance(0.01))
    {
      const std::string day = person.birthDate.substr(6, 2);
      if (day <= "12")
      {
        person.birthDate = person.birthDate.substr(0, 4) + day + person.birthDate.substr(4, 2);
      }
    }
    if (Chance(0.02))
    {
      person.birthDate[4 + Below(4)] = static_cast<char>('0' + Below(3));
    }
    if (Chance(0.02))
    {
      person.birthDate.clear();
    }
    if (Chance(0.01))
    {
      person.sex = person.sex == "M" ? "F" : "M";
    }
    if (Chance(0.1))
    {
      person.sex.clear();
    }
    if (Chance(0.35))
    {
      person.identifier.clear();
    }
    else if (Chance(0.01))
    {
      person.identifier = WithTypo(person.identifier);
    }
    person.email.clear();
    if (Chance(0.8))
    {
      person.address.clear();
      person.city.clear();
      person.postalCode.clear();
    }
    if (Chance(0.8))
    {
      person.phone.clear();
    }
  }

  Person MakeQuery(const std::vector<Person>& directory)
  {
    Person person = directory[Below(directory.size())];
    if (Chance(0.1))
    {
      // Not in the directory: half of them live with somebody who is.
      const bool man = Chance(0.5);
      Person stranger =
          MakePerson(person, Chance(0.5) ? person.family : Family(), man, 1940 + static_cast<int>(Below(70)));
      if (Chance(0.03))
      {
        stranger.birthDate = person.birthDate;  // a twin
      }
      if (Chance(0.03) && person.sex == "M")
      {
        stranger.given = person.given;  // a father or son
        stranger.sex = "M";
      }
      if (Chance(0.5))
      {
        stranger.address = fmt::format("{} {}", 1 + Below(9999), Pick(STREETS));
        stranger.phone = Phone();
      }
      stranger.id.clear();
      stranger.identifier = Chance(0.5) ? fmt::format("{}", 900'000'000 + Below(1'000'000)) : "";
      person = stranger;
    }
    Spoil(person);
    return person;
  }

  std::mt19937_64 random_;
  uint64_t serial_ = 0;
};
}  // namespace

Population MakePopulation(size_t size, size_t queries, uint64_t seed)
{
  return Generator(seed).Make(size, queries);
}
}  // namespace OrthancClinic::Benchmark
